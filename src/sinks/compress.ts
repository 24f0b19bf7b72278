/**
 * Compressed output: a file whose name ends in `.gz` is written as gzip members (RFC 1952), one for each encoded part.
 *
 * Members concatenate to a valid file, so the file can be cut at the end of any of them (I7), and encoding stays pure.
 */
import { gzipSync } from 'node:zlib';

/** @returns what turns encoded bytes into the bytes of the file at `path`. */
export function compressorOf(path: string): (chunks: readonly Uint8Array[]) => readonly Uint8Array[] {
  if (!path.endsWith('.gz')) return (chunks) => chunks;
  return (chunks) => (chunks.every(({ length }) => length === 0) ? [] : [gzipSync(Buffer.concat(chunks))]);
}
