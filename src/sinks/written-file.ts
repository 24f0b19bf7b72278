/**
 * Whether a file is the one that a session wrote: its size and the last bytes before a position are compared. Constant time.
 */
import { crc32 } from 'node:zlib';
import { PipelineMismatchError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { isCount } from '../formats/json.js';
import type { FileHandle } from '../platform/file-system.js';
import type { SinkPosition } from './sink.js';

/** How many bytes before a position are hashed. */
export const TAIL_BYTES = 4096;

/** `rename`: the file is written beside its target until it is complete. `direct`: it is the target from the first byte. */
export type Publish = 'rename' | 'direct';

export interface FilePlace {
  /** Absolute. */
  readonly path: string;
  readonly publish: Publish;
}

/** Which part file beside the target: a number from 1, or the id of the session that it belongs to. */
export type Part = number | string;

/** Where a file sink stands, as a checkpoint keeps it. */
export interface FilePosition {
  readonly bytes: number;
  /** Hash of the last bytes before it. */
  readonly tail: string;
  readonly part: Part;
  /** CRC of every byte before it, for `resume --verify`. Absent: written by 0.1.0. */
  readonly crc?: string;
  /** Identifies a file without committed bytes. */
  readonly inode?: number;
}

/** Older releases numbered the part files. */
const MAX_NUMBERED_PART = 100;

export function tailHash(tail: Uint8Array): string {
  return crcText(crc32(tail));
}

export function crcText(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** The CRC of bytes and of those before them. */
export function extendCrc(crc: number, chunks: readonly Uint8Array[]): number {
  // For an empty chunk without memory crc32 starts anew instead of continuing.
  return chunks.reduce((sum, chunk) => (chunk.length === 0 ? sum : crc32(chunk, sum)), crc);
}

/** The file that is written: `<path>.part`, `<path>.<part>.part`, or the target itself. */
export function workingPath({ path, publish }: FilePlace, part: Part): string {
  if (publish === 'direct') return path;
  return part === 1 ? `${path}.part` : `${path}.${part}.part`;
}

export function isPart(value: unknown): value is Part {
  if (typeof value === 'string') return /^[\w-]{1,64}$/.test(value);
  return isCount(value) && value > 0 && value <= MAX_NUMBERED_PART;
}

/** @throws {PipelineMismatchError} if it is not a position of a file sink. */
export function filePosition(path: string, at: SinkPosition): FilePosition {
  const { bytes, tail, part = 1, crc, inode } = at;
  if (!isCount(bytes) || typeof tail !== 'string' || !isPart(part)) {
    throw new PipelineMismatchError([`the stored position is not one of ${path}`], false);
  }
  return {
    ...{ bytes, tail, part },
    ...(typeof crc === 'string' && /^[0-9a-f]{8}$/.test(crc) && { crc }),
    ...(typeof inode === 'number' && { inode }),
  };
}

/** The last bytes before a position, or how the file differs from what was written.
 * @param isWhole nothing may follow the position. */
export async function readWrittenTail(
  handle: FileHandle,
  path: string,
  at: Pick<FilePosition, 'bytes' | 'tail'>,
  isWhole: boolean,
): Promise<Uint8Array | string> {
  const { size } = await handle.stat();
  if (size < at.bytes || (isWhole && size > at.bytes))
    return `${path} has ${size} bytes, and the run had written ${at.bytes}`;
  const from = Math.max(0, at.bytes - TAIL_BYTES);
  const tail = await readAt(handle, from, at.bytes - from);
  if (tailHash(tail) === at.tail) return tail;
  return `${path} does not hold what the run had written before byte ${at.bytes}`;
}
