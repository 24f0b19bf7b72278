/**
 * Access control of the server. Pure.
 *
 * 1. A foreign site reaches this server through a visitor's browser, with a foreign `Host` (DNS rebinding) or a foreign
 *    `Origin`. Both are compared whole.
 * 2. Other users of this machine reach the server too, so requests need the token. It is in the fragment of the URL,
 *    which no request, log or referrer carries.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** 128 bits, hexadecimal. */
export const newToken = (): string => randomBytes(16).toString('hex');

/** Takes the same time wherever the texts differ and however long `given` is. */
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

  /** @returns the reason of a refusal, or undefined. */
  refusal(headers: IncomingHttpHeaders, isUpgrade: boolean): string | undefined {
    if (headers.host !== this.host) return `this server answers to ${this.host} only`;
    const { origin } = headers;
    // A browser sends the origin with every upgrade, but not always with a request of the page itself.
    if (origin === this.origin || (origin === undefined && !isUpgrade)) return undefined;
    return 'requests come from the page of this server only';
  }
}
