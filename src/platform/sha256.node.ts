/** SHA-256 in Node; `#sha256` of package.json. */
import { createHash } from 'node:crypto';

/** @returns 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
