/** A service that gives rows page by page over HTTP on the loopback: `GET /rows?from=<n>`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PageServer {
  readonly url: string;
  /** Cursors in the order in which they were requested. */
  readonly requested: string[];
  close(): Promise<void>;
}

export interface PageService {
  /** The rows of a page, and where the next one begins; null: nowhere. */
  page(from: number): { readonly rows: readonly unknown[]; readonly next: number | null };
  /** Answers otherwise. @returns it did. */
  refuse?(from: number, response: ServerResponse, request: IncomingMessage): boolean;
}

export async function servePages({ page, refuse }: PageService): Promise<PageServer> {
  const requested: string[] = [];
  const server = createServer((request, response) => {
    const from = new URL(request.url ?? '/', 'http://localhost').searchParams.get('from') ?? '0';
    requested.push(from);
    if (refuse?.(Number(from), response, request) === true) return;
    const { rows, next } = page(Number(from));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ rows, next: next === null ? null : `/rows?from=${next}` }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requested,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

/** Slices of `rows`, of these sizes in turn. */
export function slicesOf(rows: readonly unknown[], sizes: readonly number[]): PageService['page'] {
  const borders = [0];
  for (let i = 0; (borders.at(-1) as number) < rows.length; i++)
    borders.push((borders.at(-1) as number) + (sizes[i % sizes.length] as number));
  return (from) => {
    const end = borders.find((border) => border > from) ?? rows.length;
    return { rows: rows.slice(from, end), next: end < rows.length ? end : null };
  };
}
