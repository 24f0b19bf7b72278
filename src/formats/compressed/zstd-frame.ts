/**
 * A frame of a zstd file (RFC 8878). Node decompresses it, from 22.15 on.
 *
 * Node ends silently at the end of the first frame, and where a frame is cut off. So the frame's blocks are followed here: only the
 * bytes of one frame are given to Node, and a frame that ends too early is an error.
 */
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import {
  blocksFrom,
  CHUNK_BYTES,
  CompressedError,
  type Compression,
  damaged,
  type Member,
  type ReadableFile,
} from './member.js';

/** What `node:zlib` has from Node 22.15 on. */
interface ZstdFunctions {
  zstdCompressSync(data: Uint8Array, options: { params: Record<number, number> }): Buffer;
  zstdDecompressSync(data: Uint8Array): Buffer;
  createZstdDecompress(options: { chunkSize: number }): Transform;
  readonly constants: { readonly ZSTD_c_checksumFlag: number };
}

const hasZstd = (module: object): module is ZstdFunctions => 'createZstdDecompress' in module;

/** @param verb what is wanted. @throws {CompressedError} if this version of Node has none. */
function zstdFunctions(verb: 'read' | 'write'): ZstdFunctions {
  const module: object = zlib;
  if (hasZstd(module)) return module;
  const instead = verb === 'read' ? 'decompress it first (unzstd)' : 'give it a name that ends in .gz';
  throw new CompressedError(
    `Node ${process.versions.node} cannot ${verb} zstd. Use Node 22.15 or later, or ${instead}`,
  );
}

/** Whether a file begins as zstd does: with a frame, or with one that is skipped. */
export const isZstd = ([a, b, c, d]: Uint8Array): boolean =>
  (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) || isSkipped(a, b, c, d);

function isSkipped(a = 0, b?: number, c?: number, d?: number): boolean {
  return a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
}

/** @throws {CompressedError} if this version of Node has no zstd. */
export function zstd(): Compression {
  const { createZstdDecompress } = zstdFunctions('read');
  return {
    async open(file, at) {
      const bytes = new ByteReader(file, at);
      const magic = await bytes.peek(4);
      if (magic.length === 0 && at > 0) return undefined;
      if (magic.length < 4) throw damaged('zstd', at);
      if (!isZstd(magic))
        throw new CompressedError(`bytes that are not zstd follow at offset ${at}. Remove them`);
      return new ZstdFrame(bytes, at, createZstdDecompress({ chunkSize: CHUNK_BYTES }));
    },
  };
}

/** One frame with this contents. @throws {CompressedError} if this version of Node has no zstd. */
export function zstdCompressor(): (data: Uint8Array) => Buffer {
  const { zstdCompressSync, constants } = zstdFunctions('write');
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  return (data) => zstdCompressSync(data, { params });
}

/** The contents of one frame. */
export const zstdDecompress = (frame: Uint8Array): Buffer => zstdFunctions('read').zstdDecompressSync(frame);

class ZstdFrame implements Member {
  readonly #chunks: AsyncIterator<Buffer>;

  constructor(
    private readonly bytes: ByteReader,
    private readonly at: number,
    private readonly engine: Transform,
  ) {
    const compressed = Readable.from(bytesOfFrame(bytes, at), { highWaterMark: 1 });
    // `pipe` does not pass errors on.
    compressed.on('error', (error) => engine.destroy(error));
    this.#chunks = compressed.pipe(engine)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  get end(): number {
    return this.bytes.at;
  }

  async next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#chunks.next().catch((error: unknown) => {
      throw error instanceof CompressedError ? error : damaged('zstd', this.at, error);
    });
    return done === true ? undefined : value;
  }

  destroy(): void {
    this.engine.destroy();
  }
}

const RLE = 1;
const RESERVED = 3;

/** The bytes of the frame at the reader's place; none of a frame that is skipped. */
async function* bytesOfFrame(bytes: ByteReader, at: number): AsyncGenerator<Buffer> {
  const take = async (length: number): Promise<Buffer> => {
    const taken = await bytes.take(length);
    if (taken.length < length) throw damaged('zstd', at);
    return taken;
  };
  const begin = await take(5);
  const [a, b, c, d, descriptor = 0] = begin;
  if (isSkipped(a, b, c, d)) {
    const size = Buffer.concat([begin.subarray(4), await take(3)]).readUInt32LE();
    await bytes.skip(size);
    return;
  }
  const isSingleSegment = (descriptor >> 5) & 1;
  const sizeBytes = [isSingleSegment, 2, 4, 8][descriptor >> 6] as number;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  yield Buffer.concat([begin, await take(1 - isSingleSegment + dictionaryBytes + sizeBytes)]);
  for (let isLast = false; !isLast; ) {
    const header = await take(3);
    const bits = header.readUIntLE(0, 3);
    isLast = (bits & 1) === 1;
    const type = (bits >> 1) & 3;
    if (type === RESERVED) throw damaged('zstd', at, new Error('A block has a reserved type.'));
    yield header;
    yield await take(type === RLE ? 1 : bits >> 3);
  }
  if ((descriptor >> 2) & 1) yield await take(4);
}

/** A file, read forward. */
class ByteReader {
  /** Offset of the next byte. */
  at: number;
  #buffer: Buffer = Buffer.alloc(0);
  #blocks: AsyncGenerator<Buffer>;

  constructor(
    private readonly file: ReadableFile,
    at: number,
  ) {
    this.at = at;
    this.#blocks = blocksFrom(file, at);
  }

  /** The next bytes; fewer at the end of the file. */
  async peek(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) {
      const { done, value } = await this.#blocks.next();
      if (done === true) break;
      this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value]);
    }
    return this.#buffer.subarray(0, length);
  }

  async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length);
    this.#buffer = this.#buffer.subarray(taken.length);
    this.at += taken.length;
    return taken;
  }

  async skip(length: number): Promise<void> {
    this.at += length;
    this.#buffer = Buffer.alloc(0);
    this.#blocks = blocksFrom(this.file, this.at);
  }
}
