/**
 * The bytes of a file sink: appended in order, made durable, truncated at reopening, published.
 *
 * 1. (I19) Bytes go to `<path>.part`. The target is replaced when they are complete: fsync, rename, directory fsync.
 *    `publish: 'direct'` appends to the target itself, and refuses one that it did not begin.
 * 2. (I6) A failed write or fsync is final: what the disk holds is not known any more. Every later call throws the same
 *    error, and nothing is retried.
 * 3. A part file that was removed or replaced is noticed at the next flush, and is never published.
 * 4. A part file without committed bytes is removed at closing: nothing refers to it.
 */
import { dirname } from 'node:path';
import { isPipelineError, SinkError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { type Compressor, compressorOf } from '../formats/compressed/compress.js';
import { oneOf, readOption, withDefault } from '../formats/shape.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import { type CompareDepth, compareWrittenFile, isPublishedWhole } from './compare-written.js';
import type { Sink, SinkPosition } from './sink.js';
import { discardWorkingFile, type FileContext, openWorkingFile, type WorkingFile } from './working-file.js';
import {
  crcText,
  extendCrc,
  type FilePlace,
  type FilePosition,
  type Part,
  type Publish,
  TAIL_BYTES,
  tailHash,
  workingPath,
} from './written-file.js';

/** @throws {InvalidOptionError} */
export function publishOption(publish: unknown, kind: string): Publish {
  return readOption(kind, 'publish', withDefault(oneOf(['rename', 'direct']), 'rename'), publish);
}

/** @throws {SinkError} if there is no file system. */
function fileContext(path: string, { fileSystem, ...context }: SinkContext): FileContext {
  if (fileSystem !== undefined) return { ...context, fileSystem };
  throw new SinkError(`${path}: there are no files in this environment; use collect() instead.`);
}

type SinkContext = Pick<OpenContext, 'fileSystem' | 'sessionId' | 'parts' | 'notePosition'>;

export async function asSinkError<R>(what: string, operation: Promise<R>): Promise<R> {
  try {
    return await operation;
  } catch (error) {
    if (isPipelineError(error)) throw error;
    throw new SinkError(`Cannot ${what}: ${problemOf(error)}.`, { cause: error });
  }
}

/** Removes what a session wrote to its part file. @param at its last position; undefined: none is known. */
export function discardFile(
  place: FilePlace,
  at: SinkPosition | undefined,
  context: SinkContext,
): Promise<void> {
  const { path } = place;
  return asSinkError(
    `remove the part file of ${path}`,
    discardWorkingFile(fileContext(path, context), place, at),
  );
}

/** How a file differs from what was written up to a position; undefined: it does not. */
export function compareFile(
  place: FilePlace,
  at: SinkPosition,
  depth: CompareDepth,
  context: SinkContext,
): Promise<string | undefined> {
  const { path } = place;
  return asSinkError(`read ${path}`, compareWrittenFile(fileContext(path, context), place, at, depth));
}

/** Whether the target holds all that was written up to a position, and the part file is gone. */
function isPublishedFile(place: FilePlace, at: SinkPosition, context: SinkContext): Promise<boolean> {
  const { path } = place;
  return asSinkError(`read ${path}`, isPublishedWhole(fileContext(path, context), place, at));
}

/** What a sink whose output is one file does beside writing it. */
export function ofOneFile(
  place: FilePlace,
): Required<Pick<Sink<unknown>, 'discard' | 'isPublished' | 'compare' | 'removePublished'>> {
  return {
    discard: (at, context) => discardFile(place, at, context),
    isPublished: (at, context) => isPublishedFile(place, at, context),
    compare: (at, depth, context) => compareFile(place, at, depth, context),
    removePublished: (context) => removePublishedFile(place, context),
  };
}

/** Removes an earlier result at the target. */
export async function removePublishedFile(
  { path, publish }: FilePlace,
  { fileSystem }: SinkContext,
): Promise<void> {
  if (publish === 'direct' || fileSystem === undefined) return;
  const remove = async () => {
    if ((await fileSystem.stat(path))?.kind !== 'file') return;
    await fileSystem.unlink(path);
    await fileSystem.syncDirectory(dirname(path));
  };
  await asSinkError(`remove ${path}`, remove());
}

/** What compresses the bytes of a file. @throws {SinkError} if this version of Node cannot do it. */
export function compressorFor(path: string): Compressor {
  try {
    return compressorOf(path);
  } catch (error) {
    throw new SinkError(`${path}: ${problemOf(error)}.`, { cause: error });
  }
}

/** Bytes that are appended in order: of a file, or of standard output. */
export type WrittenBytes = Pick<FileSink, 'append' | 'flush' | 'publish' | 'close' | 'published'> & {
  readonly position: SinkPosition;
};

export class FileSink {
  readonly #path: string;
  /** The file that is written until it is published. */
  readonly #working: string;
  readonly #part: Part;
  readonly #inode: number;
  readonly #fileSystem: FileSystem;
  /** Undefined if it was published before it was opened. */
  readonly #handle: FileHandle | undefined;
  #bytes: number;
  /** The last bytes before `#bytes`. */
  #tail: Uint8Array;
  /** Of all bytes before `#bytes`; undefined: the file was begun by a release that kept none. */
  #crc: number | undefined;
  /** A position with bytes may be stored. */
  #isCommitted: boolean;
  #published: boolean;
  #failure: SinkError | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  #appended: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(place: FilePlace, fileSystem: FileSystem, file: WorkingFile) {
    this.#path = place.path;
    this.#part = file.part;
    this.#inode = file.inode;
    this.#working = workingPath(place, file.part);
    this.#fileSystem = fileSystem;
    this.#handle = file.handle;
    this.#bytes = file.bytes;
    this.#tail = file.tail;
    this.#crc = file.crc;
    this.#isCommitted = file.bytes > 0;
    this.#published = file.handle === undefined;
  }

  /** @param at a position that `position` gave; undefined: a fresh start.
   * @param complete nothing is missing at `at`: it may be published already.
   * @throws {PipelineMismatchError} if the bytes before `at` are not there any more.
   * @throws {SinkError} */
  static async open(
    place: FilePlace,
    at: SinkPosition | undefined,
    complete: boolean,
    context: SinkContext,
  ): Promise<FileSink> {
    const files = fileContext(place.path, context);
    const file = await asSinkError(`open ${place.path}`, openWorkingFile(files, place, at, complete));
    return new FileSink(place, files.fileSystem, file);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get published(): boolean {
    return this.#published;
  }

  /** Behind everything appended; to be stored once `flush` has resolved. */
  get position(): FilePosition & SinkPosition {
    const crc = this.#crc === undefined ? {} : { crc: crcText(this.#crc) };
    const position = { bytes: this.#bytes, tail: tailHash(this.#tail), part: this.#part, ...crc };
    return this.#bytes === 0 ? { ...position, inode: this.#inode } : position;
  }

  /** Bytes of the file, from those appended before. */
  read(from: number, length: number): Promise<Uint8Array> {
    return this.#runOperation('read', (handle) => readAt(handle, from, length));
  }

  append(chunks: readonly Uint8Array[]): Promise<void> {
    // Appends run in order: each begins where the previous one ended.
    const before = this.#appended;
    const appending = this.#runOperation('write', async (handle) => {
      await before;
      const writing = handle.write(chunks, this.#bytes);
      // While the disk writes.
      const crc = this.#crc === undefined ? undefined : extendCrc(this.#crc, chunks);
      await writing;
      this.#crc = crc;
      for (const chunk of chunks) this.#bytes += chunk.length;
      this.#tail = tailOf(this.#tail, chunks);
    });
    this.#appended = appending.catch(() => {});
    return appending;
  }

  flush(): Promise<void> {
    if (this.#published) return Promise.resolve();
    if (this.#bytes > 0) this.#isCommitted = true;
    return this.#runOperation('flush', async (handle) => {
      await handle.datasync();
      await this.#assertInPlace();
    });
  }

  publish(): Promise<void> {
    if (this.#published) return Promise.resolve();
    return this.#runOperation('publish', async (handle) => {
      await handle.sync();
      await this.#assertInPlace();
      if (this.#working !== this.#path) await this.#fileSystem.rename(this.#working, this.#path);
      await this.#fileSystem.syncDirectory(dirname(this.#path));
      this.#published = true;
    });
  }

  /** Waits for an operation in flight: the system must not reuse the file descriptor meanwhile. */
  close(): Promise<void> {
    this.#closed ??= this.#busy.then(async () => {
      if (!this.#isCommitted && !this.#published) await this.#removeWorkingFile().catch(() => {});
      await this.#handle?.close().catch(() => {});
    });
    return this.#closed;
  }

  async #isInPlace(): Promise<boolean> {
    const found = await this.#fileSystem.stat(this.#working);
    return found?.kind === 'file' && found.inode === this.#inode;
  }

  /** @throws {SinkError} if the name leads to another file, or to none. */
  async #assertInPlace(): Promise<void> {
    if (await this.#isInPlace()) return;
    throw new SinkError(
      `${this.#working} was removed or replaced during the run, perhaps by another run with the same output. Run again.`,
    );
  }

  async #removeWorkingFile(): Promise<void> {
    if (this.#working !== this.#path && (await this.#isInPlace()))
      await this.#fileSystem.unlink(this.#working);
  }

  async #runOperation<R>(verb: string, operation: (handle: FileHandle) => Promise<R>): Promise<R> {
    if (this.#failure !== undefined) throw this.#failure;
    const handle = this.#handle;
    if (this.#closed !== undefined || handle === undefined || this.#published) {
      throw new SinkError(
        `Cannot ${verb} ${this.#path}: it is ${this.#published ? 'published' : 'closed'} already.`,
      );
    }
    const running = operation(handle);
    // Resolves to nothing: a chain of results would keep every one of them.
    this.#busy = Promise.all([this.#busy, running.catch(() => {})]).then(() => {});
    try {
      return await running;
    } catch (error) {
      this.#failure =
        error instanceof SinkError
          ? error
          : new SinkError(`Cannot ${verb} ${this.#working}: ${problemOf(error)}.`, { cause: error });
      throw this.#failure;
    }
  }
}

/** The last bytes of `tail` and the chunks behind it. */
function tailOf(tail: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array {
  let missing = TAIL_BYTES;
  const pieces: Uint8Array[] = [];
  for (let i = chunks.length; i >= 0 && missing > 0; i--) {
    const chunk = i === 0 ? tail : (chunks[i - 1] as Uint8Array);
    const piece = chunk.subarray(Math.max(0, chunk.length - missing));
    pieces.unshift(piece);
    missing -= piece.length;
  }
  // A copy: a view would keep whole chunks in memory.
  return Buffer.concat(pieces);
}
