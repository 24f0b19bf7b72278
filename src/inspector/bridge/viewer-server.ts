/**
 * The WebSocket server for viewer pages of another origin.
 *
 * 1. `Host` must be the server's own name and `Origin` one of the allowed ones; both are compared whole. A connection
 *    needs the token, which is in the path because those pages take only an address.
 * 2. A message is text of at most MAX_MESSAGE_BYTES; any other message ends its connection.
 * 3. Plain HTTP serves the given files and nothing else.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Guard, isToken, newToken } from '../server/guard.js';
import { listen, refuseUpgrade } from '../server/listen.js';
import type { Timers } from './throttle.js';
import { Viewer } from './viewer.js';

export const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_VIEWERS = 64;
const NO_PAGE: Page = { policy: "default-src 'none'", files: {} };
const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export interface ViewerServerOptions {
  /** One address of this machine. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly timers: Timers;
  /** Origins of pages that may connect, beside this server's own. */
  readonly origins: readonly string[];
  /** Files served over plain HTTP. Default: none. */
  page?(server: Address): Page;
  onConnected(viewer: Viewer): void;
  /** Handles a message of a viewer. Default: messages are ignored. */
  onMessage?(viewer: Viewer, text: string): void;
  onClosed?(viewer: Viewer): void;
}

export interface Page {
  /** `content-security-policy` */
  readonly policy: string;
  /** By path. */
  readonly files: Readonly<Record<string, readonly [type: string, text: string]>>;
}

export interface Address {
  /** `http://127.0.0.1:4321` */
  readonly origin: string;
  readonly token: string;
}

export interface ViewerServer extends Address {
  /** `ws://127.0.0.1:4321/<token>` */
  readonly socketUrl: string;
  readonly viewers: ReadonlySet<Viewer>;
  close(): Promise<void>;
}

/** @throws {InspectorError} BAD_ADDRESS, PORT_IN_USE */
export async function openViewerServer(options: ViewerServerOptions): Promise<ViewerServer> {
  const { host, port, timers, origins } = options;
  const token = newToken();
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 30_000 });
  const guard = new Guard(host, await listen(server, host, port));
  const address = { origin: guard.origin, token };
  const { files, policy } = options.page?.(address) ?? NO_PAGE;
  const viewers = new Set<Viewer>();

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard.refusal(request.headers, false);
    const file = Object.hasOwn(files, request.url ?? '') ? files[request.url as string] : undefined;
    const status =
      refusal !== undefined ? 403 : request.method !== 'GET' ? 405 : file === undefined ? 404 : 200;
    const [type, text] = status === 200 && file ? file : ['text/plain', `${refusal ?? 'not here'}\n`];
    const headers = { 'content-security-policy': policy, 'content-type': `${type}; charset=utf-8` };
    response.writeHead(status, { ...HEADERS, ...headers }).end(text);
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const { headers, url = '' } = request;
    const isNamed = headers.origin !== undefined && origins.includes(headers.origin);
    const refusal = guard.refusal(isNamed ? { ...headers, origin: guard.origin } : headers, true);
    if (refusal !== undefined) return refuseUpgrade(socket, '403 Forbidden', refusal);
    if (!isToken(url.slice(1), token)) return refuseUpgrade(socket, '403 Forbidden', 'wrong token');
    if (viewers.size >= MAX_VIEWERS)
      return refuseUpgrade(socket, '503 Service Unavailable', 'too many viewers');
    sockets.handleUpgrade(request, socket, head, (client) => {
      const viewer = new Viewer(client, timers);
      viewers.add(viewer);
      // An oversized or malformed frame: ws closes the connection itself.
      client.on('error', () => {});
      client.on('message', (data: Buffer, isBinary) => {
        if (isBinary) client.close(1003, 'text only');
        else options.onMessage?.(viewer, String(data));
      });
      client.on('close', () => {
        viewers.delete(viewer);
        viewer.leave();
        options.onClosed?.(viewer);
      });
      options.onConnected(viewer);
    });
  });

  return {
    ...address,
    socketUrl: `${guard.origin.replace(/^http/, 'ws')}/${token}`,
    viewers,
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
