/** What the compressions of files have in common: a file is a sequence of members (gzip) or frames (zstd), each complete. */
import type { FileHandle } from '../../platform/file-system.js';
import { readAt } from '../byte-blocks.js';

/** A compressed file that is cut off, damaged, or cannot be read by this version of Node. */
export class CompressedError extends Error {}

/** A file that is only read. */
export type ReadableFile = Pick<FileHandle, 'read'>;

/** A member that is being decompressed. */
export interface Member {
  /** The next bytes of its contents; undefined: it has ended, and is sound.
   * @throws {CompressedError} */
  next(): Promise<Buffer | undefined>;
  /** Offset in the file behind it, once it has ended. */
  readonly end: number;
  destroy(): void;
}

/** How the members of a file are read. */
export interface Compression {
  /** Opens the member at an offset; undefined: the file ends there.
   * @throws {CompressedError} if there is no member. */
  open(file: ReadableFile, at: number): Promise<Member | undefined>;
}

const BLOCK_BYTES = 128 * 1024;
/** Of decompressed bytes. */
export const CHUNK_BYTES = 256 * 1024;

/** The bytes of a file from an offset on. */
export async function* blocksFrom(file: ReadableFile, offset: number): AsyncGenerator<Buffer> {
  for (let at = offset; ; ) {
    const block = await readAt(file, at, BLOCK_BYTES);
    if (block.length === 0) return;
    at += block.length;
    yield Buffer.from(block.buffer, block.byteOffset, block.length);
  }
}

/** @param what the name of the compression. @param cause undefined: the file ends too early. */
export function damaged(what: 'gzip' | 'zstd', memberAt: number, cause?: unknown): CompressedError {
  const problem =
    cause === undefined ? 'is cut off. Copy it again' : `is damaged in the part at offset ${memberAt}`;
  return new CompressedError(`the ${what} file ${problem}`, { cause });
}
