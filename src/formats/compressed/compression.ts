/** The two compressions of files, recognised by how a file begins. */
import { gunzipSync } from 'node:zlib';
import type { FileHandle } from '../../platform/file-system.js';
import { readAt } from '../byte-blocks.js';
import { CompressedHandle } from './compressed-handle.js';
import { gzip, isGzip } from './gzip-member.js';
import { isZstd, zstd, zstdDecompress } from './zstd-frame.js';

/** The contents of a file: the handle itself, unless it is compressed.
 * @throws {CompressedError} if this version of Node cannot read it. */
export async function openContents(handle: FileHandle): Promise<FileHandle> {
  const first = await readAt(handle, 0, 4);
  if (isGzip(first)) return new CompressedHandle(handle, gzip);
  return isZstd(first) ? new CompressedHandle(handle, zstd()) : handle;
}

/** The contents of one member or frame; the bytes themselves, if they are neither. */
export function decompress(bytes: Uint8Array): Uint8Array {
  if (isGzip(bytes)) return gunzipSync(bytes);
  return isZstd(bytes) ? zstdDecompress(bytes) : bytes;
}
