/**
 * Compressed output: a file whose name ends in `.gz` or `.zst` is written as gzip members (RFC 1952) or zstd frames (RFC 8878), one for each
 * encoded part.
 *
 * Members and frames concatenate to a valid file, so the file can be cut at the end of any of them (I7), and encoding stays pure.
 */
import { gzipSync } from 'node:zlib';
import { zstdCompressor } from './zstd-frame.js';

/** What turns encoded bytes into the bytes of a file. */
export type Compressor = (chunks: readonly Uint8Array[]) => readonly Uint8Array[];

/** @param path the file's. @throws {CompressedError} if this version of Node has no such compression. */
export function compressorOf(path: string): Compressor {
  const compress = path.endsWith('.gz') ? gzipSync : path.endsWith('.zst') ? zstdCompressor() : undefined;
  if (compress === undefined) return (chunks) => chunks;
  return (chunks) => (chunks.every(({ length }) => length === 0) ? [] : [compress(Buffer.concat(chunks))]);
}
