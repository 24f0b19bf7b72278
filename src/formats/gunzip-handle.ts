/**
 * A gzip file (RFC 1952) as if it were its contents: bytes are read at positions of the uncompressed text.
 *
 * 1. Reading forward inflates once, in constant memory. Reading backward begins again at the last known member before it.
 * 2. A file may have many members: `memberBefore` says where one begins, so that a reopened file is inflated from there. A file
 *    of one member is inflated from its beginning.
 * 3. Checksum and length of every member that is read are checked. A file that is cut off is an error, never its end.
 */

import { Readable } from 'node:stream';
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import type { FileHandle, FileStat } from '../platform/file-system.js';
import { readAt } from './byte-blocks.js';

/** Where a member begins: its offset in the file, and in the contents. */
export type Member = readonly [compressed: number, bytes: number];

const BLOCK_BYTES = 128 * 1024;
const CHUNK_BYTES = 256 * 1024;
const TRAILER_BYTES = 8;
/** Name and comment of a header are not read beyond this. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Beginnings of members that are remembered. */
const MAX_MEMBERS = 1024;

/** Whether a file begins as gzip does. */
export const isGzip = (first: Uint8Array): boolean => first[0] === 0x1f && first[1] === 0x8b;

/** A gzip file that is cut off or damaged. */
export class GzipError extends Error {}

/** A member that is being inflated. */
interface Inflating {
  readonly engine: InflateRaw;
  readonly chunks: AsyncIterator<Buffer>;
  /** Offset of its compressed data in the file. */
  readonly dataStart: number;
  /** Of its contents so far. */
  checksum: number;
  bytes: number;
}

export class GunzipHandle implements FileHandle {
  readonly #members: Member[] = [[0, 0]];
  #inflating: Inflating | undefined;
  /** Where the next member begins. */
  #next: Member = [0, 0];
  #chunk: Buffer = Buffer.alloc(0);
  /** Offset of `#chunk` in the contents. */
  #chunkAt = 0;
  #lane: Promise<unknown> = Promise.resolve();

  /** @param file the compressed file */
  constructor(readonly file: FileHandle) {}

  /** The last known member that begins at `bytes` of the contents, or before. */
  memberBefore(bytes: number): Member {
    return this.#members.findLast((member) => member[1] <= bytes) as Member;
  }

  /** Makes a member known, from an earlier opening. */
  addMember(member: Member): void {
    if (this.#members.some(([compressed]) => compressed === member[0])) return;
    if (this.#members.length >= MAX_MEMBERS) {
      // Every other one stays: a later beginning is found by inflating from the one before it.
      const kept = this.#members.filter((_, i) => i % 2 === 0);
      this.#members.splice(0, this.#members.length, ...kept);
    }
    this.#members.push(member);
    this.#members.sort((a, b) => a[0] - b[0]);
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const reading = this.#lane.then(() => this.#readAt(buffer, length, position));
    this.#lane = reading.catch(() => {});
    return reading;
  }

  async #readAt(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const member = this.memberBefore(position);
    const isAhead = member[1] > Math.max(this.#next[1], this.#chunkAt + this.#chunk.length);
    if (position < this.#chunkAt || isAhead) this.#restart(member);
    while (position >= this.#chunkAt + this.#chunk.length) {
      const chunk = await this.#inflateMore();
      if (chunk === undefined) return 0;
      this.#chunkAt += this.#chunk.length;
      this.#chunk = chunk;
    }
    const from = position - this.#chunkAt;
    return this.#chunk.copy(buffer, 0, from, Math.min(this.#chunk.length, from + length));
  }

  #restart(member: Member): void {
    this.#inflating?.engine.destroy();
    this.#inflating = undefined;
    this.#next = member;
    this.#chunk = Buffer.alloc(0);
    this.#chunkAt = member[1];
  }

  /** The next bytes of the contents; undefined: the end. */
  async #inflateMore(): Promise<Buffer | undefined> {
    for (;;) {
      this.#inflating ??= await this.#openMember();
      const inflating = this.#inflating;
      if (inflating === undefined) return undefined;
      const { done, value } = await inflating.chunks.next().catch((error: unknown) => {
        throw this.#damaged(error);
      });
      if (done !== true) {
        inflating.checksum = crc32(value, inflating.checksum);
        inflating.bytes += value.length;
        return value;
      }
      await this.#closeMember(inflating);
    }
  }

  async #openMember(): Promise<Inflating | undefined> {
    const [at] = this.#next;
    const header = await readAt(this.file, at, MAX_HEADER_BYTES);
    if (header.length === 0 && at > 0) return undefined;
    const length = headerLength(header);
    if (length === undefined) throw new GzipError(this.#problemOfHeader(header));
    const engine = createInflateRaw({ chunkSize: CHUNK_BYTES });
    const chunks = Readable.from(this.#blocksFrom(at + length), { highWaterMark: 1 }).pipe(engine);
    return {
      ...{ engine, dataStart: at + length, checksum: 0, bytes: 0 },
      chunks: chunks[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    };
  }

  #problemOfHeader(header: Uint8Array): string {
    const [at] = this.#next;
    if (isGzip(header) || header.length < 2) return 'the gzip file is cut off. Copy it again';
    return at === 0 ? 'not a gzip file' : `bytes that are not gzip follow at offset ${at}. Remove them`;
  }

  async *#blocksFrom(offset: number): AsyncGenerator<Buffer> {
    for (let at = offset; ; ) {
      const block = await readAt(this.file, at, BLOCK_BYTES);
      if (block.length === 0) return;
      at += block.length;
      yield Buffer.from(block.buffer, block.byteOffset, block.length);
    }
  }

  async #closeMember({ engine, dataStart, checksum, bytes }: Inflating): Promise<void> {
    const trailerAt = dataStart + engine.bytesWritten;
    const trailer = Buffer.from(await readAt(this.file, trailerAt, TRAILER_BYTES));
    if (trailer.length < TRAILER_BYTES) throw this.#damaged(undefined);
    if (trailer.readUInt32LE(0) !== checksum >>> 0 || trailer.readUInt32LE(4) !== bytes % 2 ** 32)
      throw new GzipError(
        `the gzip file is damaged: the checksum of the member at offset ${this.#next[0]} is wrong`,
      );
    this.#inflating = undefined;
    this.#next = [trailerAt + TRAILER_BYTES, this.#next[1] + bytes];
    this.addMember(this.#next);
  }

  #damaged(error: unknown): GzipError {
    const { code } = (error ?? {}) as { readonly code?: unknown };
    const isCut = error === undefined || code === 'Z_BUF_ERROR';
    const what = isCut ? 'is cut off. Copy it again' : `is damaged in the member at offset ${this.#next[0]}`;
    return new GzipError(`the gzip file ${what}`, { cause: error });
  }

  stat(): Promise<FileStat> {
    return this.file.stat();
  }

  async close(): Promise<void> {
    await this.#lane;
    this.#inflating?.engine.destroy();
    await this.file.close();
  }

  write(): Promise<never> {
    return refuseWrite();
  }

  sync(): Promise<never> {
    return refuseWrite();
  }

  datasync(): Promise<never> {
    return refuseWrite();
  }

  truncate(): Promise<never> {
    return refuseWrite();
  }
}

async function refuseWrite(): Promise<never> {
  throw Object.assign(new Error('A compressed file is read only.'), { code: 'EBADF' });
}

const HAS_CHECKSUM = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;

/** Bytes of a member's header; undefined: it is none, or it is cut off. */
function headerLength(bytes: Uint8Array): number | undefined {
  if (!isGzip(bytes) || bytes[2] !== 8 || bytes.length < 10) return undefined;
  const flags = bytes[3] as number;
  let length = 10;
  if (flags & HAS_EXTRA) length += 2 + ((bytes[length] ?? 0) | ((bytes[length + 1] ?? 0) << 8));
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if (!(flags & flag)) continue;
    const end = bytes.indexOf(0, length);
    if (end < 0) return undefined;
    length = end + 1;
  }
  if (flags & HAS_CHECKSUM) length += 2;
  return length <= bytes.length ? length : undefined;
}
