/**
 * One connected page, under backpressure.
 *
 * 1. The token comes first. A malformed, unknown, forged or oversized request gets an error or ends its own connection,
 *    never another connection and never the process.
 * 2. While HIGH_WATER bytes are buffered, requests wait unread and unanswered. A viewer that reads nothing for STALLED_MS
 *    is disconnected. Of several news it gets the newest.
 */
import type { WebSocket } from 'ws';
import type { InspectorHost } from '../host.js';
import {
  type Grown,
  PROTOCOL_VERSION,
  type Request,
  type RequestError,
  type ServerMessage,
  type Welcome,
} from '../protocol.js';
import { isToken } from './guard.js';
import type { JoinedSession, OpenSessions } from './open-session.js';
import { parseRequest, Refusal } from './requests.js';

/** Buffered bytes at which the viewer counts as slow. */
const HIGH_WATER = 2 * 1024 * 1024;
/** Maximum concurrent requests; others wait. */
const MAX_ANSWERING = 8;
const HELLO_MS = 10_000;
const STALLED_MS = 20_000;
/** Close code for the page: access was refused, so it must not reconnect. */
export const CLOSED_DENIED = 4401;

export interface ViewerSettings {
  readonly host: InspectorHost;
  readonly sessions: OpenSessions;
  readonly token: string;
  readonly commands: boolean;
  readonly welcome: () => Welcome;
}

export class Viewer {
  #isWelcome = false;
  #joined: JoinedSession | undefined;
  /** Waiting requests. Bounded by one chunk of the stream, because reading stops meanwhile. */
  readonly #inbox: (readonly [data: Buffer, isBinary: boolean])[] = [];
  #answering = 0;
  #news: Grown | undefined;
  #stalled: NodeJS.Timeout | undefined;
  readonly #hello: NodeJS.Timeout;

  constructor(
    private readonly socket: WebSocket,
    private readonly settings: ViewerSettings,
  ) {
    this.#hello = setTimeout(() => socket.terminate(), HELLO_MS);
    socket.on('message', (data: Buffer, isBinary) => {
      this.#inbox.push([data, isBinary]);
      this.#breathe();
    });
    // An oversized or malformed frame: ws closes the connection itself.
    socket.on('error', () => {});
    socket.on('close', () => this.#leave());
  }

  get #isFull(): boolean {
    return this.socket.bufferedAmount > HIGH_WATER;
  }

  async #receive(data: Buffer, isBinary: boolean): Promise<void> {
    let id: number | null = null;
    this.#answering++;
    try {
      const request = parseRequest(data, isBinary);
      id = request.id;
      if (!this.#isWelcome) this.#welcome(request);
      this.#send(`{"id":${id},"result":${await this.#answer(request)}}`);
    } catch (error) {
      this.#refuse(error, id);
    } finally {
      this.#answering--;
      this.#breathe();
    }
  }

  #welcome(request: Request): void {
    if (request.type !== 'hello')
      throw new Refusal('DENIED', 'The first request must be hello, with the token.');
    if (!isToken(request.token, this.settings.token))
      throw new Refusal('DENIED', 'Wrong token. Open the URL that the server printed.');
    if (request.protocol !== PROTOCOL_VERSION)
      throw new Refusal('DENIED', 'The page and the server have different versions. Reload the page.');
    clearTimeout(this.#hello);
    this.#isWelcome = true;
  }

  /** @returns JSON. */
  async #answer(request: Request): Promise<string> {
    const { host, commands, welcome } = this.settings;
    switch (request.type) {
      case 'hello':
        return JSON.stringify(welcome());
      case 'sessions':
        return JSON.stringify(await host.sessions());
      case 'open':
        return (await this.#open(request.session)).summary();
      case 'summary':
        return this.#opened(request.session).summary();
      case 'frame': {
        return this.#within(request.session, request.index).frame(request.index);
      }
      case 'figures': {
        const session = this.#within(request.session, request.index);
        return JSON.stringify(await session.figures(request.index));
      }
      case 'lives': {
        const { session, from, to } = request;
        return JSON.stringify(await this.#within(session, from).lives(from, to));
      }
      case 'find': {
        const { session, filter, from, count } = request;
        return JSON.stringify(this.#opened(session).find(filter, from, count));
      }
      case 'indexAtTime':
        return JSON.stringify(this.#opened(request.session).indexAtTime(request.at));
      case 'checkpoint':
        return JSON.stringify((await host.checkpoint(request.session)) ?? null);
      case 'command':
        if (!commands)
          throw new Refusal(
            'READ_ONLY',
            'This server is read-only. Start it with --allow-commands to send commands.',
          );
        return JSON.stringify(await host.command(request.session, request.command));
    }
  }

  async #open(id: string) {
    const joined = await this.settings.sessions.join(id, (news) => this.#sendNews(news));
    this.#joined?.leave();
    if (this.socket.readyState === this.socket.OPEN) this.#joined = joined;
    else joined.leave();
    return joined.session;
  }

  /** @throws {Refusal} when the session is not open, or has no such record. */
  #within(id: string, index: number) {
    const session = this.#opened(id);
    if (index < session.records) return session;
    throw new Refusal('OUT_OF_RANGE', `The recording has ${session.records} records.`);
  }

  #opened(id: string) {
    if (this.#joined?.id !== id) throw new Refusal('NOT_OPEN', 'This session is not open. Open it first.');
    return this.#joined.session;
  }

  #sendNews(news: Grown): void {
    if (this.socket.bufferedAmount === 0) this.#send(JSON.stringify(news satisfies ServerMessage));
    else this.#news = news;
  }

  #refuse(error: unknown, id: number | null): void {
    const message = error instanceof Error ? error.message.slice(0, 1000) : 'The request failed.';
    const code: RequestError['code'] = error instanceof Refusal ? error.code : 'FAILED';
    const answer = { id: id ?? (error instanceof Refusal ? error.id : null), error: { code, message } };
    this.#send(JSON.stringify(answer satisfies ServerMessage));
    if (!this.#isWelcome) this.socket.close(CLOSED_DENIED, 'denied');
  }

  #send(text: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(text, () => this.#breathe());
  }

  /** Answers, resumes reading, waits, or disconnects. */
  #breathe(): void {
    const { socket } = this;
    while (!this.#isFull && this.#answering < MAX_ANSWERING && socket.readyState === socket.OPEN) {
      const next = this.#inbox.shift();
      if (next === undefined) break;
      void this.#receive(...next);
    }
    if (socket.readyState !== socket.OPEN) return;
    if (this.#inbox.length > 0) socket.pause();
    else if (socket.isPaused) socket.resume();
    if (!this.#isFull) {
      clearTimeout(this.#stalled);
      this.#stalled = undefined;
    } else this.#stalled ??= setTimeout(() => socket.terminate(), STALLED_MS).unref();
    if (this.#news !== undefined && socket.bufferedAmount === 0) {
      const news = this.#news;
      this.#news = undefined;
      this.#sendNews(news);
    }
  }

  #leave(): void {
    this.#inbox.length = 0;
    clearTimeout(this.#hello);
    clearTimeout(this.#stalled);
    this.#joined?.leave();
    this.#joined = undefined;
  }
}
