/**
 * The feed over the inspector's server: requests and answers by number over one WebSocket (`protocol.ts`).
 *
 * After a lost connection the feed reconnects with growing delays and opens the session again. Pending requests fail, and
 * their callers repeat them.
 */
import {
  CLOSED_ENDED,
  FEED_PATH,
  type OpenedSession,
  PROTOCOL_VERSION,
  type Requests,
  type RequestType,
  type ServerMessage,
  type Welcome,
} from '../protocol.js';
import type { Feed, Growth, Place } from './feed.js';

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The server's close code for a wrong token (server/viewer.ts). */
const CLOSED_DENIED = 4401;
const DENIED = 'The address has no valid token. Open the address that the inspector printed in its terminal.';
const ENDED =
  'The inspector has ended, and this page keeps what it showed last. To open the session again, run xstate-pipeline inspect';
const SILENT = 'The inspector does not answer. Check that it is still running in its terminal.';
/** Milliseconds before the first reconnection, and the maximum between two. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 8_000;

/** @param token of the page's URL; @param wanted the session that the URL names.
 * @param isOwned the connection ends with the session. */
export async function connect(
  url: URL,
  token: string,
  wanted: string | undefined,
  isOwned = false,
): Promise<Place> {
  const connection = new Connection(url, token);
  const welcome = await connection.greet();
  return {
    first: wanted ?? welcome.session,
    sessions: () => connection.ask('sessions', {}),
    // A connection has one open session.
    beside: async (session) => {
      const other = await connect(url, token, session, true);
      return other.open(session);
    },
    onLost: (callback) => connection.lost.push(callback),
    open: async (session) => {
      let opened: OpenedSession | undefined = await connection.open(session);
      const callbacks = new Set<(growth: Growth) => void>();
      let last: Growth = { records: opened.summary.records, live: opened.live, canResume: opened.canResume };
      connection.grown = (id, growth) => {
        if (id !== session) return;
        last = growth;
        for (const callback of callbacks) callback(growth);
      };
      connection.gone = () => {
        for (const callback of callbacks) callback({ ...last, isLost: true });
      };
      const feed: Feed = {
        session,
        summary: () => {
          const first = opened;
          opened = undefined;
          return first === undefined ? connection.ask('summary', { session }) : Promise.resolve(first);
        },
        frame: (index) => connection.ask('frame', { session, index }),
        figures: (index) => connection.ask('figures', { session, index }),
        lives: (from, to) => connection.ask('lives', { session, from, to }),
        find: (filter, from, count) => connection.ask('find', { session, filter, from, count }),
        indexAtTime: (at) => connection.ask('indexAtTime', { session, at }),
        checkpoint: () => connection.ask('checkpoint', { session }),
        onGrow: (callback) => {
          callbacks.add(callback);
          return () => callbacks.delete(callback);
        },
        command: welcome.commands ? (command) => connection.ask('command', { session, command }) : undefined,
        close: () => {
          callbacks.clear();
          if (isOwned) connection.close();
        },
      };
      return feed;
    },
  };
}

class Connection {
  readonly lost: ((why: string) => void)[] = [];
  grown: (session: string, growth: Growth) => void = () => {};
  /** The connection is lost. */
  gone: () => void = () => {};
  private socket: WebSocket | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private opened: string | undefined;
  private retryMs = RETRY_MS;

  constructor(
    private readonly url: URL,
    private readonly token: string,
  ) {}

  greet(): Promise<Welcome> {
    const address = new URL(FEED_PATH, this.url);
    address.protocol = address.protocol.replace('http', 'ws');
    address.hash = '';
    const socket = new WebSocket(address);
    this.socket = socket;
    return new Promise((resolve, reject) => {
      socket.onopen = () =>
        this.ask('hello', { token: this.token, protocol: PROTOCOL_VERSION }).then(resolve, reject);
      socket.onmessage = ({ data }) => this.take(data);
      socket.onclose = ({ code }) => {
        reject(new Error(code === CLOSED_DENIED ? DENIED : SILENT));
        this.break(code === CLOSED_ENDED);
      };
    });
  }

  close(): void {
    this.opened = undefined;
    this.socket?.close();
  }

  async open(session: string): Promise<OpenedSession> {
    const opened = await this.ask('open', { session });
    this.opened = session;
    return opened;
  }

  ask<T extends RequestType>(type: T, rest: Requests[T]['ask']): Promise<Requests[T]['answer']> {
    const id = this.next++;
    return new Promise<unknown>((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new Error('The connection to the inspector is lost.'));
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ ...rest, id, type }));
    }) as Promise<Requests[T]['answer']>;
  }

  private take(data: unknown): void {
    const message = JSON.parse(String(data)) as ServerMessage;
    if ('type' in message) {
      this.grown(message.session, message);
      return;
    }
    const waiting = message.id === null ? undefined : this.waiting.get(message.id);
    if (message.id !== null) this.waiting.delete(message.id);
    if ('error' in message) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result);
  }

  /** @param isEnded the server has ended: nothing answers at its address again. */
  private break(isEnded: boolean): void {
    for (const { reject } of this.waiting.values())
      reject(new Error('The connection to the inspector is lost.'));
    this.waiting.clear();
    if (this.opened === undefined) return;
    if (isEnded) {
      for (const callback of this.lost) callback(`${ENDED} ${this.opened}`);
      return;
    }
    this.gone();
    for (const callback of this.lost) callback('The connection to the inspector is lost. Reconnecting.');
    setTimeout(() => this.again(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }

  private async again(): Promise<void> {
    const session = this.opened;
    try {
      await this.greet();
      if (session === undefined) return;
      const { summary, live, canResume } = await this.open(session);
      this.retryMs = RETRY_MS;
      for (const callback of this.lost) callback('');
      this.grown(session, { records: summary.records, live, canResume });
    } catch {
      // A refused connection is followed by `close`, which reconnects.
    }
  }
}
