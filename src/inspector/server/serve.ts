/**
 * The server: the page over HTTP, all data over the WebSocket of protocol.ts.
 *
 * 1. It listens on 127.0.0.1 by default. Its token appears only in the URL that it returns.
 * 2. HTTP serves three files without data; every response has the headers of HEADERS.
 * 3. No request ends the server.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { InspectorHost } from '../host.js';
import { CLOSED_ENDED, FEED_PATH, MAX_REQUEST_BYTES, PROTOCOL_VERSION } from '../protocol.js';
import { pageAssets } from './assets.js';
import { Guard, newToken } from './guard.js';
import { servedHtml, servedPolicy } from './html.js';
import { listen, refuseUpgrade } from './listen.js';
import { OpenSessions } from './open-session.js';
import { Viewer } from './viewer.js';

export interface InspectorOptions {
  /** Address to listen on, one of this machine. Default: 127.0.0.1, which other machines cannot reach. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Whether viewers may pause, resume and cancel. Default false. */
  readonly commands?: boolean;
  /** The session to show first, read when a page connects. Default: the list of sessions. */
  readonly session?: string | (() => string | undefined);
  /** Maximum number of connected pages. Default 256. */
  readonly maxViewers?: number;
}

export interface Inspector {
  /** To open in a browser. It holds the server's token and grants read access. */
  readonly url: string;
  /** Number of connected pages. */
  readonly viewers: number;
  /** Called when a page connects or disconnects. */
  onViewers(listener: (viewers: number) => void): void;
  /** Ends the server. The pages receive the last news, and keep what they show. */
  close(): Promise<void>;
}

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Maximum time of each step of closing. */
const CONCLUDE_MS = 1_000;
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

const allClosed = ({ clients }: WebSocketServer) =>
  Promise.all([...clients].map((client) => new Promise((resolve) => client.once('close', resolve))));

/** Serves the inspector's page for the sessions of `host`.
 * @throws {InspectorError} when the address cannot be listened on. */
export async function serveInspector(
  host: InspectorHost,
  options: InspectorOptions = {},
): Promise<Inspector> {
  const { host: address = '127.0.0.1', port = 0, commands = false, session, maxViewers = 256 } = options;
  const { js, css, version } = pageAssets();
  const token = newToken();
  const sessions = new OpenSessions(host);
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 30_000 });
  const guard = new Guard(address, await listen(server, address, port));
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/': ['text/html', servedHtml],
    '/page.js': ['text/javascript', js],
    '/page.css': ['text/css', css],
  };
  const policy = servedPolicy(guard.origin);

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard.refusal(request.headers, false);
    const [path = ''] = (request.url ?? '').split('?');
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const status = refusal !== undefined ? 403 : !isRead ? 405 : file === undefined ? 404 : 200;
    const [type, text] = status === 200 && file ? file : ['text/plain', `${refusal ?? 'not here'}\n`];
    const headers = {
      ...HEADERS,
      'content-security-policy': policy,
      'content-type': `${type}; charset=utf-8`,
    };
    response.writeHead(status, headers).end(request.method === 'HEAD' ? '' : text);
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_REQUEST_BYTES,
    perMessageDeflate: false,
  });
  const listeners: ((viewers: number) => void)[] = [];
  const notify = () => {
    for (const listener of listeners) listener(sockets.clients.size);
  };
  const first = () => {
    const id = typeof session === 'function' ? session() : session;
    return id === undefined ? {} : { session: id };
  };
  const welcome = () => ({ protocol: PROTOCOL_VERSION, version, commands, ...first() });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const refusal = guard.refusal(request.headers, true);
    if (refusal !== undefined) return refuseUpgrade(socket, '403 Forbidden', refusal);
    if (request.url !== FEED_PATH) return refuseUpgrade(socket, '404 Not Found', 'not here');
    if (sockets.clients.size >= maxViewers)
      return refuseUpgrade(socket, '503 Service Unavailable', 'too many viewers');
    sockets.handleUpgrade(request, socket, head, (client) => {
      new Viewer(client, { host, sessions, token, commands, welcome });
      client.on('close', notify);
      notify();
    });
  });

  return {
    get url() {
      return `${guard.origin}/#${new URLSearchParams({ token, ...first() })}`;
    },
    get viewers() {
      return sockets.clients.size;
    },
    onViewers: (listener) => listeners.push(listener),
    async close() {
      await Promise.race([sessions.conclude(), later(CONCLUDE_MS)]);
      for (const client of sockets.clients) client.close(CLOSED_ENDED, 'ended');
      await Promise.race([allClosed(sockets), later(CONCLUDE_MS)]);
      for (const client of sockets.clients) client.terminate();
      await sessions.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
