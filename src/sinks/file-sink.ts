/**
 * The file part of a file sink: bytes appended in order, made durable, cut back, published.
 *
 * 1. (I19) Bytes go to `<path>.part`; the target is replaced when they are whole: fsync, rename, directory fsync.
 *    `publish: 'direct'` appends to the target itself, and refuses one that it did not begin.
 * 2. (I7) Reopened at a position, the file is cut there, after its size and the bytes before the position were compared
 *    with what was written: constant time, nothing is read but the last block.
 * 3. (I6) A write or fsync that failed is final: what is on the disk is not known any more, so every later call gives
 *    the same error and nothing is tried again.
 * 4. A fresh start makes a file of its own, beside those of unfinished sessions, and a `.part` that is not ours any more is
 *    never published.
 */
import { dirname } from 'node:path';
import { InvalidOptionError, PipelineError, SinkError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import type { SinkPosition } from './sink.js';
import {
  type FilePlace,
  type FilePosition,
  openWorkingFile,
  type Publish,
  TAIL_BYTES,
  tailHash,
  type WorkingFile,
  workingPath,
} from './working-file.js';

/** @throws {InvalidOptionError} */
export function publishOption(publish: unknown, kind: string): Publish {
  if (publish === undefined || publish === 'rename') return 'rename';
  if (publish === 'direct') return 'direct';
  throw new InvalidOptionError(`${kind}: publish has to be rename or direct.`);
}

export class FileSink {
  readonly #path: string;
  /** Where bytes go until they are published. */
  readonly #working: string;
  readonly #part: number;
  readonly #fileSystem: FileSystem;
  /** Undefined when it was published before it was opened. */
  readonly #handle: FileHandle | undefined;
  #bytes: number;
  /** The last bytes before `#bytes`. */
  #tail: Uint8Array;
  #published: boolean;
  #failure: SinkError | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  #appended: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(place: FilePlace, fileSystem: FileSystem, file: WorkingFile) {
    this.#path = place.path;
    this.#part = file.part;
    this.#working = workingPath(place, file.part);
    this.#fileSystem = fileSystem;
    this.#handle = file.handle;
    this.#bytes = file.bytes;
    this.#tail = file.tail;
    this.#published = file.handle === undefined;
  }

  /** @param at a position that `position` gave; undefined: a fresh start.
   * @param complete nothing is missing at `at`: it may be published already.
   * @throws {PipelineMismatchError} when the bytes before `at` are not there any more.
   * @throws {SinkError} */
  static async open(
    place: FilePlace,
    at: SinkPosition | undefined,
    complete: boolean,
    context: Pick<OpenContext, 'fileSystem'>,
  ): Promise<FileSink> {
    const { path } = place;
    const { fileSystem } = context;
    if (fileSystem === undefined) {
      throw new SinkError(`${path}: there are no files here; write to collect() instead.`);
    }
    try {
      return new FileSink(place, fileSystem, await openWorkingFile(fileSystem, place, at, complete));
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      throw new SinkError(`Cannot open ${path}: ${problemOf(error)}.`, { cause: error });
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get published(): boolean {
    return this.#published;
  }

  /** Behind everything appended; to be stored once `flush` has resolved. */
  get position(): FilePosition & SinkPosition {
    return { bytes: this.#bytes, tail: tailHash(this.#tail), part: this.#part };
  }

  /** Bytes of the file, from those appended before. */
  read(from: number, length: number): Promise<Uint8Array> {
    return this.#run('read', (handle) => readAt(handle, from, length));
  }

  append(chunks: readonly Uint8Array[]): Promise<void> {
    // One after the other: each begins where the one before it ended.
    const before = this.#appended;
    const appending = this.#run('write', async (handle) => {
      await before;
      await handle.write(chunks, this.#bytes);
      for (const chunk of chunks) this.#bytes += chunk.length;
      this.#tail = tailOf(this.#tail, chunks);
    });
    this.#appended = appending.catch(() => {});
    return appending;
  }

  flush(): Promise<void> {
    if (this.#published) return Promise.resolve();
    return this.#run('flush', (handle) => handle.datasync());
  }

  publish(): Promise<void> {
    if (this.#published) return Promise.resolve();
    return this.#run('publish', async (handle) => {
      await handle.sync();
      if (this.#working !== this.#path) {
        const [there, ours] = [await this.#fileSystem.stat(this.#working), await handle.stat()];
        if (there?.kind !== 'file' || there.inode !== ours.inode) {
          throw new SinkError(
            `${this.#working} was removed or replaced while it was written, perhaps by another run to the same file; run again.`,
          );
        }
        await this.#fileSystem.rename(this.#working, this.#path);
      }
      await this.#fileSystem.syncDirectory(dirname(this.#path));
      this.#published = true;
    });
  }

  /** Waits for an operation in flight: the system must not give the file's number to another file meanwhile. */
  close(): Promise<void> {
    this.#closed ??= this.#busy.then(() => this.#handle?.close().catch(() => {}));
    return this.#closed;
  }

  async #run<R>(verb: string, operation: (handle: FileHandle) => Promise<R>): Promise<R> {
    if (this.#failure !== undefined) throw this.#failure;
    const handle = this.#handle;
    if (this.#closed !== undefined || handle === undefined || this.#published) {
      throw new SinkError(
        `Cannot ${verb} ${this.#path}: it is ${this.#published ? 'published' : 'closed'} already.`,
      );
    }
    const running = operation(handle);
    // Gives nothing: the answers of all before it would be kept, one in the other.
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
