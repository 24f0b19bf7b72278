/**
 * Who may speak to the server at all. Pure.
 *
 * 1. A page of another site reaches a server on this machine through the browser of whoever visits it: the `Host` is
 *    then a foreign name (DNS rebinding) or the `Origin` a foreign page. Both are compared whole.
 * 2. Another user of this machine reaches it too: nothing is told without the token, which stands in the fragment of
 *    the URL, where no request, log or referrer carries it.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** 128 bits, hexadecimal. */
export const newToken = (): string => randomBytes(16).toString('hex');

/** In the same time wherever they differ, and however long `given` is. */
export function isToken(given: unknown, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(token));
}

export class Guard {
  /** `127.0.0.1:4321`. */
  readonly host: string;
  /** `http://127.0.0.1:4321`. */
  readonly origin: string;

  constructor(address: string, port: number) {
    const url = new URL(`http://${address.includes(':') ? `[${address}]` : address}:${port}`);
    this.host = url.host;
    this.origin = url.origin;
  }

  /** @returns why not, or undefined. */
  refusal(headers: IncomingHttpHeaders, isUpgrade: boolean): string | undefined {
    if (headers.host !== this.host) return `this server is ${this.host} and nothing else`;
    const { origin } = headers;
    // A browser sends the origin with every upgrade, and with a plain request of the page itself it need not.
    if (origin === this.origin || (origin === undefined && !isUpgrade)) return undefined;
    return 'requests come from the page of this server only';
  }
}
