/**
 * What the file sources have in common: opening a file at a position, reading records, and identifying the file (I15).
 *
 * 1. Reopening seeks: it takes constant time at any position.
 * 2. `identity` covers only bytes before the position, so that a file that has only grown is the same input.
 * 3. A file that became shorter is an error, at opening and at its end. It is never read as if that were all.
 * 4. Positions in a compressed file are those of its contents. Reopening decompresses from the last known member before the position. Its
 *    identity covers the compressed bytes that were read up to there.
 */
import { sha256 } from '#sha256';
import {
  isPipelineError,
  type MalformedRowError,
  type PipelineError,
  PipelineMismatchError,
  SourceError,
} from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { CompressedHandle, type MemberPlace } from '../formats/compressed/compressed-handle.js';
import { openContents } from '../formats/compressed/compression.js';
import { CompressedError } from '../formats/compressed/member.js';
import { isCount, type Json } from '../formats/json.js';
import { RecordReader, type RecordReaderOptions, RecordTooLongError } from '../formats/record-reader.js';
import { CR, LF } from '../formats/record-scanner.js';
import type { RecordPosition, Records } from '../formats/records.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import { unreadableForm } from './file-forms.js';
import { hashOfRawRows } from './rows-hash.js';
import type { OpenSource, RawRows, SourceBatch, SourcePosition } from './source.js';
import { STANDARD_INPUT, StreamHandle } from './standard-input.js';

/** Bytes at the beginning, and bytes before the position, that identify a file. */
const FIRST_BYTES = 64 * 1024;
const LAST_BYTES = 4 * 1024;

const START: RecordPosition = { bytes: 0, rows: 0, lines: 0 };

export type DecodeRecords<T> = (
  records: Records,
  row: (value: T) => void,
  malformed: (error: MalformedRowError) => void,
) => void;

/** How the rows of a file are found and decoded. */
export interface FileSourceFormat<T> {
  readonly reading: RecordReaderOptions;
  readonly decode: DecodeRecords<T>;
  /** Where the rows begin, if that is not the beginning of the file. */
  readonly start?: RecordPosition | undefined;
  /** Column names, in order. */
  readonly columns?: readonly string[];
}

/** The file's handle and size. @throws {SourceError} if it is not a regular file of text. */
export async function openForReading(path: string, context: OpenContext): Promise<[FileHandle, number]> {
  if (path === STANDARD_INPUT) return openStream();
  const { fileSystem } = context;
  if (fileSystem === undefined)
    throw new SourceError(`${path}: there are no files in this environment; use rows() instead.`);
  let handle: FileHandle | undefined;
  try {
    // Checked before opening: opening a pipe would wait for its writer.
    const named = await fileSystem.stat(path);
    if (named?.kind === 'other') throw notRegular(path);
    handle = await fileSystem.open(path, 'read');
    const stat = await handle.stat();
    if (stat.kind === 'directory') throw Object.assign(new Error(), { code: 'EISDIR' });
    if (stat.kind !== 'file') throw notRegular(path);
    handle = await openContents(handle);
    const form = unreadableForm(await readAt(handle, 0, 4));
    if (form !== undefined) throw new SourceError(`${path}: ${form}.`);
    return [handle, stat.size];
  } catch (error) {
    await handle?.close().catch(() => {});
    throw asSourceError(path, 'open', error);
  }
}

async function openStream(): Promise<[FileHandle, number]> {
  const stream = new StreamHandle(process.stdin);
  try {
    return [await openContents(stream), Number.POSITIVE_INFINITY];
  } catch (error) {
    await stream.close();
    throw asSourceError(STANDARD_INPUT, 'open', error);
  }
}

function notRegular(path: string): SourceError {
  return new SourceError(
    `${path}: not a regular file. Save the input to a file first, so that a run can be resumed.`,
  );
}

function asSourceError(path: string, verb: 'open' | 'read', error: unknown): PipelineError {
  if (isPipelineError(error)) return error;
  if (error instanceof CompressedError)
    return new SourceError(`${path}: ${error.message}.`, { cause: error });
  if (error instanceof RecordTooLongError)
    return new SourceError(`${path}, ${error.message}.`, { cause: error });
  return new SourceError(`Cannot ${verb} ${path}: ${problemOf(error)}.`, { cause: error });
}

/** @throws {PipelineMismatchError} if it is not a position of a file source. */
function recordPosition(path: string, at: SourcePosition): RecordPosition {
  const { bytes, rows, lines } = at;
  if (!isCount(bytes) || !isCount(rows) || !isCount(lines)) {
    throw new PipelineMismatchError([`the stored position is not one of ${path}`], false);
  }
  return { bytes, rows, lines };
}

export class FileSource<T> implements OpenSource<T> {
  /** Absent for a compressed file: the size of its contents is not known. */
  readonly total?: { readonly unit: 'bytes'; readonly value: number };
  readonly file: FileHandle;
  readonly columns?: readonly string[];
  readonly path: string;
  /** Of the file, when it was opened. */
  readonly #size: number;
  readonly #compressed: CompressedHandle | undefined;
  readonly #decode: DecodeRecords<T>;
  readonly #reader: RecordReader;
  #firstHash: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(
    file: FileHandle,
    size: number,
    position: RecordPosition,
    { reading, decode, columns }: FileSourceFormat<T>,
  ) {
    this.file = file;
    this.#size = size;
    if (file instanceof CompressedHandle) this.#compressed = file;
    else this.total = { unit: 'bytes', value: size };
    if (columns !== undefined) this.columns = columns;
    this.path = reading.path;
    this.#decode = decode;
    this.#reader = new RecordReader(file, position, reading);
  }

  /** Owns the handle from here on: closes it if it throws.
   * @throws {PipelineMismatchError} if the file ends before `at`, or if its last, unended line was continued. */
  static async open<T>(
    [handle, size]: [FileHandle, number],
    at: SourcePosition | undefined,
    format: FileSourceFormat<T>,
  ): Promise<FileSource<T>> {
    const { path } = format.reading;
    try {
      let position = at === undefined ? (format.start ?? START) : recordPosition(path, at);
      if (handle instanceof CompressedHandle) {
        if (at !== undefined) await reopenContents(path, handle, at, position);
      } else if (size < position.bytes) {
        throw new PipelineMismatchError(
          [`${path} has ${size} bytes, and the run had read ${position.bytes} of it`],
          false,
        );
      }
      if (at !== undefined && position.bytes > 0) position = await skipLineEnd(path, handle, position);
      return new FileSource(handle, size, position, format);
    } catch (error) {
      await handle.close().catch(() => {});
      throw asSourceError(path, 'read', error);
    }
  }

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    if (this.#closed !== undefined) return undefined;
    const reading = this.#readRecords(maxRows, maxBytes);
    this.#reading = reading.catch(() => {});
    const records = await reading;
    // Closed meanwhile: the end that the reader met is not the file's.
    if (records === undefined || this.#closed !== undefined) return undefined;
    const decode = this.#decode;
    const { bytes, rows, lines } = records.position;
    const raw = (): RawRows => ({
      ...records.raw(),
      file: this.path,
      ...(this.columns && { columns: this.columns }),
    });
    return {
      size: records.size,
      position: { bytes, rows, lines, ...this.#compressedPlace(bytes) },
      done: bytes,
      decode: (row, malformed) => decode(records, row, malformed),
      release: records.release,
      raw,
      file: this.path,
      hash: () => hashOfRawRows({ bytes: records.bytes, ...(this.columns && { columns: this.columns }) }),
    };
  }

  async #readRecords(maxRows: number, maxBytes: number): Promise<Records | undefined> {
    try {
      const records = await this.#reader.read(maxRows, maxBytes);
      if (records === undefined && this.#closed === undefined) await this.#assertWhole();
      return records;
    } catch (error) {
      throw asSourceError(this.path, 'read', error);
    }
  }

  /** Where a reopened file is decompressed from, and how many compressed bytes were read. */
  #compressedPlace(bytes: number): { readonly member?: MemberPlace; readonly read?: number } {
    const compressed = this.#compressed;
    return compressed === undefined
      ? {}
      : { member: compressed.memberBefore(bytes), read: compressed.bytesRead };
  }

  /** The end of a file that was truncated meanwhile is not the end of the input. */
  async #assertWhole(): Promise<void> {
    const { size } = await this.file.stat();
    const end = this.#compressed === undefined ? this.#reader.readEnd : 0;
    if (size < end || size < this.#size) {
      throw new SourceError(`${this.path} became shorter while it was read. Restore the file, then resume.`);
    }
  }

  async identity(position: SourcePosition): Promise<Json> {
    const file = this.#compressed?.file ?? this.file;
    const { read } = position;
    const compressedBytes = isCount(read) ? Math.min(read, this.#size) : this.#size;
    const bytes =
      this.#compressed === undefined ? recordPosition(this.path, position).bytes : compressedBytes;
    const from = Math.max(0, bytes - LAST_BYTES);
    try {
      let first = bytes >= FIRST_BYTES ? this.#firstHash : undefined;
      if (first === undefined) {
        first = sha256(await readAt(file, 0, Math.min(bytes, FIRST_BYTES)));
        // Kept as soon as it is final: every checkpoint needs it.
        if (bytes >= FIRST_BYTES) this.#firstHash = first;
      }
      return { first, last: sha256(await readAt(file, from, bytes - from)) };
    } catch (error) {
      throw asSourceError(this.path, 'read', error);
    }
  }

  identityOfWhole(size = this.#size): Promise<Json> {
    return this.identity({ bytes: size, rows: 0, lines: 0 });
  }

  /** What the file was, after all of it was read. `end`: bytes of its contents. */
  async summary(): Promise<{
    readonly end: number;
    readonly identity: Json;
    readonly modifiedAtMs: number;
  }> {
    const end = this.#reader.readEnd;
    const { modifiedAtMs } = await this.file.stat();
    return { end, identity: await this.identityOfWhole(end), modifiedAtMs };
  }

  /** Waits for a read in flight: the system must not reuse the file descriptor meanwhile. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#reader.settle();
      await this.#reading;
      await this.#reader.settle();
      await this.file.close().catch(() => {});
    })();
    return this.#closed;
  }
}

/** @throws {PipelineMismatchError} if the contents end before the position */
async function reopenContents(
  path: string,
  handle: CompressedHandle,
  { member }: SourcePosition,
  { bytes }: RecordPosition,
): Promise<void> {
  if (Array.isArray(member) && isCount(member[0]) && isCount(member[1]) && member[1] <= bytes)
    handle.addMember([member[0], member[1]]);
  if (bytes === 0 || (await readAt(handle, bytes - 1, 1)).length === 1) return;
  throw new PipelineMismatchError([`the contents of ${path} are shorter than the run had read`], false);
}

/** The run had read to the end of a file whose last line was unended. If the file has grown, the new bytes must begin with
 * that line's end. Otherwise the row that was read was only a part of one. */
async function skipLineEnd(path: string, handle: FileHandle, at: RecordPosition): Promise<RecordPosition> {
  const [before, next, afterNext] = await readAt(handle, at.bytes - 1, 3);
  if (before === LF || next === undefined) return at;
  if (next === LF) return { ...at, bytes: at.bytes + 1 };
  // A lone CR ends a CSV record.
  if (before === CR) return at;
  if (next === CR) return { ...at, bytes: at.bytes + (afterNext === LF ? 2 : 1) };
  throw new PipelineMismatchError(
    [`the last line of ${path} was unfinished when it was read, and has been continued`],
    false,
  );
}
