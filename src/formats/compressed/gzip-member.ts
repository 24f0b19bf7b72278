/** A member of a gzip file (RFC 1952). Its checksum and length are checked. */
import { Readable } from 'node:stream';
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { readAt } from '../byte-blocks.js';
import {
  blocksFrom,
  CHUNK_BYTES,
  CompressedError,
  type Compression,
  damaged,
  type Member,
  type ReadableFile,
} from './member.js';

const TRAILER_BYTES = 8;
/** Name and comment of a header are not read beyond this. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Of a first look: most headers have 10 bytes. */
const SHORT_HEADER_BYTES = 512;

/** Whether a file begins as gzip does. */
export const isGzip = (first: Uint8Array): boolean => first[0] === 0x1f && first[1] === 0x8b;

export const gzip: Compression = {
  async open(file, at) {
    let header = await readAt(file, at, SHORT_HEADER_BYTES);
    if (header.length === 0 && at > 0) return undefined;
    if (headerLength(header) === undefined) header = await readAt(file, at, MAX_HEADER_BYTES);
    const length = headerLength(header);
    if (length === undefined) throw new CompressedError(problemOfHeader(header, at));
    return new GzipMember(file, at, at + length);
  },
};

class GzipMember implements Member {
  end = 0;
  readonly #engine: InflateRaw;
  readonly #chunks: AsyncIterator<Buffer>;
  /** Of the contents so far. */
  #checksum = 0;
  #bytes = 0;

  constructor(
    private readonly file: ReadableFile,
    private readonly at: number,
    private readonly dataStart: number,
  ) {
    this.#engine = createInflateRaw({ chunkSize: CHUNK_BYTES });
    const compressed = Readable.from(blocksFrom(file, dataStart), { highWaterMark: 1 });
    this.#chunks = compressed.pipe(this.#engine)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#chunks.next().catch((error: unknown) => {
      const isCut = (error as { readonly code?: unknown }).code === 'Z_BUF_ERROR';
      throw damaged('gzip', this.at, isCut ? undefined : error);
    });
    if (done === true) {
      await this.#assertSound();
      return undefined;
    }
    this.#checksum = crc32(value, this.#checksum);
    this.#bytes += value.length;
    return value;
  }

  async #assertSound(): Promise<void> {
    const trailerAt = this.dataStart + this.#engine.bytesWritten;
    const trailer = Buffer.from(await readAt(this.file, trailerAt, TRAILER_BYTES));
    if (trailer.length < TRAILER_BYTES) throw damaged('gzip', this.at);
    const isSame =
      trailer.readUInt32LE(0) === this.#checksum >>> 0 && trailer.readUInt32LE(4) === this.#bytes % 2 ** 32;
    if (!isSame) throw damaged('gzip', this.at, new Error('The checksum is wrong.'));
    this.end = trailerAt + TRAILER_BYTES;
  }

  destroy(): void {
    this.#engine.destroy();
  }
}

function problemOfHeader(header: Uint8Array, at: number): string {
  if (isGzip(header) || header.length < 2) return 'the gzip file is cut off. Copy it again';
  return `bytes that are not gzip follow at offset ${at}. Remove them`;
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
