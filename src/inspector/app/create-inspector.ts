/** The inspector for the machines of any XState 5 app: the same page, served from memory. */
import { randomUUID } from 'node:crypto';
import { exportHtml } from '../export.js';
import type { InspectorHost, SessionFeed } from '../host.js';
import { serveInspector } from '../server/serve.js';
import { AppRecorder } from './app-recorder.js';

/** Options of `createInspector`. */
export interface CreateInspectorOptions {
  /** Address to listen on, one of this machine. Default: 127.0.0.1, which other machines cannot reach. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Time, in milliseconds since the epoch, for tests. Default `Date.now`. */
  readonly now?: () => number;
}

/** An inspector of an app's actors. */
export interface AppInspector {
  /** For `createActor(machine, { inspect })`. It never throws. */
  readonly inspect: (event: unknown) => void;
  /** To open in a browser. It holds the server's token and grants read access. */
  readonly url: string;
  /** The recording so far as one HTML file that opens from the disk. @throws {InspectorError} NOTHING_TO_EXPORT */
  exportHtml(): Promise<string>;
  /** Ends the recording and the server. */
  close(): Promise<void>;
}

/**
 * Serves a page on this machine that shows the actors of an XState 5 app: their charts, events and contexts, live and back in time.
 *
 * The last 64 MB of the recording are kept, in memory. Contexts over 64 KB are left out.
 *
 * @throws {InspectorError} when the address cannot be listened on.
 * @example
 * const { inspect, url, close } = await createInspector();
 * console.log(url);
 * createActor(machine, { inspect }).start();
 */
export async function createInspector(options: CreateInspectorOptions = {}): Promise<AppInspector> {
  const { now = Date.now, ...address } = options;
  const sessionId = randomUUID();
  const listeners = new Set<(lines: string) => void>();
  const startedAt = now();
  let isOpen = true;
  const recorder = new AppRecorder({
    sessionId,
    now,
    onLines: (lines) => {
      for (const listener of listeners) listener(lines);
    },
  });
  const host: InspectorHost = {
    async sessions() {
      const times = { startedAt, savedAt: now() };
      const facts = { rowsIn: 0, rowsOut: 0, live: isOpen, recorded: true, canResume: false };
      return [{ id: sessionId, pipeline: recorder.title || 'app', state: 'EXECUTING', ...times, ...facts }];
    },
    open: async () => feedOf(recorder, listeners),
    command: async () => ({ ok: false, message: 'The app takes no commands from here.' }),
    checkpoint: async () => null,
  };
  const inspector = await serveInspector(host, { ...address, session: sessionId });
  return {
    inspect: recorder.inspect,
    url: inspector.url,
    exportHtml: async () => (await exportHtml(endedHost(host, recorder), sessionId)).html,
    async close() {
      recorder.end();
      isOpen = false;
      await inspector.close();
    },
  };
}

/** The lines so far, then new ones as they come. */
function feedOf(recorder: AppRecorder, listeners: Set<(lines: string) => void>): SessionFeed {
  const waiting = [recorder.text];
  let wake = () => {};
  let isClosed = false;
  let catchUp = () => {};
  const caughtUp = new Promise<void>((resolve) => {
    catchUp = resolve;
  });
  const push = (lines: string) => {
    waiting.push(lines);
    wake();
  };
  listeners.add(push);
  async function* chunks() {
    const encoder = new TextEncoder();
    while (!isClosed) {
      const text = waiting.splice(0).join('');
      if (text !== '') yield encoder.encode(text);
      if (waiting.length > 0) continue;
      catchUp();
      if (!isClosed)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  return {
    chunks: chunks(),
    caughtUp,
    close() {
      isClosed = true;
      listeners.delete(push);
      wake();
    },
  };
}

/** The recording as it is now, for an export. */
function endedHost(host: InspectorHost, recorder: AppRecorder): InspectorHost {
  async function* chunks() {
    yield new TextEncoder().encode(recorder.text);
  }
  return { ...host, open: async () => ({ chunks: chunks(), close() {} }) };
}
