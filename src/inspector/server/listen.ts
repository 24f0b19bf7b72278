/** Listens on one address of this machine, and refuses connections. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { InspectorError } from '../errors.js';

/** @returns the port.
 * @throws {InspectorError} BAD_ADDRESS, PORT_IN_USE */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') {
        const message = `Port ${port} of ${host} is in use. Choose another port, or none for any free one.`;
        reject(new InspectorError(message, 'PORT_IN_USE', { cause }));
      } else {
        const message = `Cannot listen on ${host}, port ${port} (${cause.code ?? cause.message}).`;
        reject(new InspectorError(message, 'BAD_ADDRESS', { cause }));
      }
    });
    server.listen({ host, port }, resolve);
  });
  const bound = server.address() as AddressInfo;
  if (EVERYWHERE.includes(bound.address)) {
    server.close();
    throw new InspectorError(
      `Choose one address of this machine, not ${host || 'all of them'}.`,
      'BAD_ADDRESS',
    );
  }
  return bound.port;
}

/** @param status `403 Forbidden`. */
export function refuseUpgrade(socket: Duplex, status: string, reason: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${reason}\n`);
}

/** A server on all addresses cannot tell its own name from a foreign one. */
const EVERYWHERE = ['0.0.0.0', '::', '::ffff:0.0.0.0'];
