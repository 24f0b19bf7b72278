/**
 * The WebSocket server that a viewer's page of another origin connects to.
 *
 * 1. `Host` is the server's own name, `Origin` one of those that were named, both compared whole; and nobody without the
 *    token gets in. It stands in the path, because those pages take no more than an address.
 * 2. What is sent is text of at most MAX_MESSAGE_BYTES; anything else ends that one connection.
 * 3. Plain HTTP gets the files, or nothing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Guard, isToken, newToken } from '../server/guard.js';
import { listen, turnAway } from '../server/listen.js';
import type { Timers } from './pace.js';
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

export interface DoorOptions {
  /** One address of this machine. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly timers: Timers;
  /** Of pages that may connect, beside this server's own. */
  readonly origins: readonly string[];
  /** What plain HTTP gets. Default: nothing. */
  page?(door: Address): Page;
  came(viewer: Viewer): void;
  /** Default: nothing that is said matters. */
  said?(viewer: Viewer, text: string): void;
  left?(viewer: Viewer): void;
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

export interface Door extends Address {
  /** `ws://127.0.0.1:4321/<token>` */
  readonly socketUrl: string;
  readonly viewers: ReadonlySet<Viewer>;
  close(): Promise<void>;
}

/** @throws {InspectorError} BAD_ADDRESS, PORT_IN_USE */
export async function openDoor(options: DoorOptions): Promise<Door> {
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
    if (refusal !== undefined) return turnAway(socket, '403 Forbidden', refusal);
    if (!isToken(url.slice(1), token)) return turnAway(socket, '403 Forbidden', 'that is not the token');
    if (viewers.size >= MAX_VIEWERS) return turnAway(socket, '503 Service Unavailable', 'too many viewers');
    sockets.handleUpgrade(request, socket, head, (client) => {
      const viewer = new Viewer(client, timers);
      viewers.add(viewer);
      // Oversized, or no WebSocket frames at all: ws closes the connection itself.
      client.on('error', () => {});
      client.on('message', (data: Buffer, isBinary) => {
        if (isBinary) client.close(1003, 'text only');
        else options.said?.(viewer, String(data));
      });
      client.on('close', () => {
        viewers.delete(viewer);
        viewer.leave();
        options.left?.(viewer);
      });
      options.came(viewer);
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
