/**
 * The file part of a file sink: bytes appended in order, made durable, cut back, published.
 *
 * 1. (I19) Bytes go to `<path>.part`; the target is replaced when they are whole: fsync, rename, directory fsync.
 *    `publish: 'direct'` appends to the target itself, and refuses one that it did not begin.
 * 2. (I7) Reopened at a position, the file is cut there, after its size and the bytes before the position were compared
 *    with what was written: constant time, nothing is read but the last block.
 * 3. (I6) A write or fsync that failed is final: what is on the disk is not known any more, so every later call gives
 *    the same error and nothing is tried again.
 * 4. A fresh start makes a file of its own: a process that still holds an older `.part` cannot write into it, and a
 *    `.part` that is not ours any more is never published.
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { InvalidOptionError, PipelineError, PipelineMismatchError, SinkError } from '../errors.js';
import { problemOf } from '../file-problems.js';
import type { FileHandle, FileSystem } from '../file-system.js';
import type { OpenContext } from '../open-context.js';
import type { SinkPosition } from './sink.js';

/** `rename`: beside the target until complete. `direct`: into the target itself, from the first byte. */
export type Publish = 'rename' | 'direct';

/** @throws {InvalidOptionError} */
export function publishOption(publish: unknown, kind: string): Publish {
  if (publish === undefined || publish === 'rename') return 'rename';
  if (publish === 'direct') return 'direct';
  throw new InvalidOptionError(`${kind}: publish has to be rename or direct.`);
}

/** How much before a position is remembered, as a hash. Bytes. */
const TAIL_BYTES = 4096;

/** The user's umask decides who may read a result. */
const PERMISSIONS = 0o666;

export interface FileSinkPlace {
  /** Absolute. */
  readonly path: string;
  readonly publish: Publish;
}

export class FileSink {
  readonly #path: string;
  /** Where bytes go until they are published. */
  readonly #working: string;
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

  private constructor(
    place: FileSinkPlace,
    fileSystem: FileSystem,
    handle: FileHandle | undefined,
    written: Written,
  ) {
    this.#path = place.path;
    this.#working = workingPath(place);
    this.#fileSystem = fileSystem;
    this.#handle = handle;
    this.#bytes = written.bytes;
    this.#tail = written.tail;
    this.#published = handle === undefined;
  }

  /** @param at a position that `position` gave; undefined: a fresh start.
   * @param complete nothing is missing at `at`: it may be published already.
   * @throws {PipelineMismatchError} when the bytes before `at` are not there any more. @throws {SinkError} */
  static async open(
    place: FileSinkPlace,
    at: SinkPosition | undefined,
    complete: boolean,
    context: Pick<OpenContext, 'fileSystem'>,
  ): Promise<FileSink> {
    const { path } = place;
    const { fileSystem } = context;
    if (fileSystem === undefined)
      throw new SinkError(`${path}: there are no files here; write to collect() instead.`);
    try {
      await assertTarget(fileSystem, path);
      if (at === undefined) {
        return new FileSink(place, fileSystem, await begin(fileSystem, place), NOTHING);
      }
      return await reopen(fileSystem, place, filePosition(path, at), complete);
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      throw new SinkError(`Cannot open ${path}: ${problemOf(error)}.`, { cause: error });
    }
  }

  /** For `reopen` below: a constructor that only this file calls. */
  static of(
    place: FileSinkPlace,
    fileSystem: FileSystem,
    handle: FileHandle | undefined,
    written: Written,
  ): FileSink {
    return new FileSink(place, fileSystem, handle, written);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get published(): boolean {
    return this.#published;
  }

  /** Behind everything appended; to be stored once `flush` has resolved. */
  get position(): { readonly bytes: number; readonly tail: string } {
    return { bytes: this.#bytes, tail: hashOf(this.#tail) };
  }

  /** Bytes of the file, from those appended before. */
  read(from: number, length: number): Promise<Uint8Array> {
    return this.#run('read', async (handle) => await readExactly(handle, from, length));
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
    this.#busy = Promise.all([this.#busy, running.catch(() => {})]);
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

interface Written {
  readonly bytes: number;
  readonly tail: Uint8Array;
}

const NOTHING: Written = { bytes: 0, tail: new Uint8Array(0) };

function workingPath({ path, publish }: FileSinkPlace): string {
  return publish === 'direct' ? path : `${path}.part`;
}

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

function hashOf(tail: Uint8Array): string {
  return crc32(tail).toString(16).padStart(8, '0');
}

async function readExactly(handle: FileHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = await handle.read(bytes.subarray(done), length - done, from + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

function filePosition(path: string, at: SinkPosition): { readonly bytes: number; readonly tail: string } {
  const { bytes, tail } = at;
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0 || typeof tail !== 'string') {
    throw new PipelineMismatchError([`the stored position is not one of ${path}`]);
  }
  return { bytes, tail };
}

async function assertTarget(fileSystem: FileSystem, path: string): Promise<void> {
  const target = await fileSystem.stat(path);
  if (target === undefined || target.kind === 'file') return;
  const what =
    target.kind === 'directory'
      ? 'it is a directory; give the path of a file in it'
      : target.kind === 'symlink'
        ? 'it is a symbolic link; give the path that it points to'
        : 'it is not a regular file; write to one and copy it there';
  throw new SinkError(`Cannot write to ${path}: ${what}.`);
}

async function begin(fileSystem: FileSystem, place: FileSinkPlace): Promise<FileHandle> {
  const working = workingPath(place);
  await makeDirectory(fileSystem, dirname(working));
  const old = await fileSystem.stat(working);
  if (place.publish === 'direct' && old !== undefined) {
    if (old.size > 0) {
      throw new SinkError(
        `${place.path} is not empty, and was not begun by this run: move it away, or leave out publish: 'direct'.`,
      );
    }
    return await fileSystem.open(working, 'update');
  }
  if (old?.kind === 'directory') {
    throw new SinkError(`Cannot write to ${working}: it is a directory; move it away.`);
  }
  if (old !== undefined) await fileSystem.unlink(working);
  const handle = await fileSystem.open(working, 'create', PERMISSIONS);
  try {
    await fileSystem.syncDirectory(dirname(working));
    return handle;
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

/** Makes a directory and its parents so that they survive power loss: each is an entry in the one above it. */
async function makeDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const made: string[] = [];
  let at = path;
  while ((await fileSystem.stat(at)) === undefined && dirname(at) !== at) {
    made.push(at);
    at = dirname(at);
  }
  if (made.length === 0) return;
  await fileSystem.mkdir(path);
  for (const directory of made) await fileSystem.syncDirectory(dirname(directory));
}

async function reopen(
  fileSystem: FileSystem,
  place: FileSinkPlace,
  at: { readonly bytes: number; readonly tail: string },
  complete: boolean,
): Promise<FileSink> {
  const working = workingPath(place);
  const [handle, problem] = await openWritten(fileSystem, working, at, false);
  if (handle !== undefined) return FileSink.of(place, fileSystem, handle.file, handle.written);
  if (complete && working !== place.path) {
    const [target] = await openWritten(fileSystem, place.path, at, true);
    if (target !== undefined) {
      await target.file.close();
      // The rename was seen; whether it would survive power loss is not known.
      await fileSystem.syncDirectory(dirname(place.path));
      return FileSink.of(place, fileSystem, undefined, target.written);
    }
  }
  if (at.bytes === 0 && (await fileSystem.stat(working)) === undefined) {
    return FileSink.of(place, fileSystem, await begin(fileSystem, place), NOTHING);
  }
  throw new PipelineMismatchError([problem]);
}

/** Opens a file that holds what was written up to `at`, cut there; or says why it does not.
 * @param whole nothing may lie beyond: it is looked at, not cut. */
async function openWritten(
  fileSystem: FileSystem,
  path: string,
  at: { readonly bytes: number; readonly tail: string },
  whole: boolean,
): Promise<[{ readonly file: FileHandle; readonly written: Written }, ''] | [undefined, string]> {
  if ((await fileSystem.stat(path)) === undefined) {
    return [undefined, `${path}, which the run had written to, is not there any more`];
  }
  const file = await fileSystem.open(path, whole ? 'read' : 'update');
  let keep = false;
  try {
    const { size } = await file.stat();
    if (size < at.bytes || (whole && size > at.bytes)) {
      return [undefined, `${path} has ${size} bytes, and the run had written ${at.bytes}`];
    }
    const from = Math.max(0, at.bytes - TAIL_BYTES);
    const tail = await readExactly(file, from, at.bytes - from);
    if (hashOf(tail) !== at.tail) {
      return [undefined, `${path} does not hold what the run had written before byte ${at.bytes}`];
    }
    if (size > at.bytes) {
      await file.truncate(at.bytes);
      await file.sync();
    }
    keep = true;
    return [{ file, written: { bytes: at.bytes, tail } }, ''];
  } finally {
    if (!keep) await file.close().catch(() => {});
  }
}
