/** SHA-256 where there is no `node:crypto`: what browsers have of their own answers with a promise; `#sha256` of package.json. */
import { sha256 as digest } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** @returns 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return bytesToHex(digest(typeof data === 'string' ? new TextEncoder().encode(data) : data));
}
