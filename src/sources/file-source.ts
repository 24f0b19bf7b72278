/**
 * What JSON Lines and CSV have in common as sources: opening a file at a position, reading records, saying which file
 * it is (I15), and failing in words.
 *
 * 1. Reopening seeks: constant time, whatever the position.
 * 2. `identity` covers only bytes before the position, so that a file that has only grown is the same input.
 * 3. A file that became shorter is noticed, at opening and at its end, and never read as if that were all.
 */
import { sha256 } from '#sha256';
import { type MalformedRowError, PipelineError, PipelineMismatchError, SourceError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { isCount, type Json } from '../formats/json.js';
import {
  type RecordPosition,
  RecordReader,
  type RecordReaderOptions,
  type Records,
  RecordTooLongError,
} from '../formats/records.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import type { OpenSource, RawRows, SourceBatch, SourcePosition } from './source.js';

/** How much of the beginning and how much before the position tells one file from another. Bytes. */
const FIRST_BYTES = 64 * 1024;
const LAST_BYTES = 4 * 1024;

const START: RecordPosition = { bytes: 0, rows: 0, lines: 0 };

export type DecodeRecords<T> = (
  records: Records,
  row: (value: T) => void,
  malformed: (error: MalformedRowError) => void,
) => void;

/** The file's handle and size, when it is one that can be read at any place. @throws {SourceError} */
export async function openForReading(path: string, context: OpenContext): Promise<[FileHandle, number]> {
  const { fileSystem } = context;
  if (fileSystem === undefined)
    throw new SourceError(`${path}: there are no files here; read rows() instead.`);
  let handle: FileHandle | undefined;
  try {
    // Asked before opening: opening a pipe would wait for its writer.
    const named = await fileSystem.stat(path);
    if (named?.kind === 'other') throw notRegular(path);
    handle = await fileSystem.open(path, 'read');
    const stat = await handle.stat();
    if (stat.kind === 'directory') throw Object.assign(new Error(), { code: 'EISDIR' });
    if (stat.kind !== 'file') throw notRegular(path);
    const form = otherForm(await readAt(handle, 0, MAGIC_BYTES));
    if (form !== undefined) throw new SourceError(`${path}: ${form}.`);
    return [handle, stat.size];
  } catch (error) {
    await handle?.close().catch(() => {});
    throw asSourceError(path, 'open', error);
  }
}

const MAGIC_BYTES = 4;

/** What somebody gives in place of text, so often that it deserves more than that it is no UTF-8. */
function otherForm([a, b, c, d]: Uint8Array): string | undefined {
  if (a === 0x1f && b === 0x8b) return 'compressed with gzip; gunzip it first';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'compressed with zstd; unzstd it first';
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4)
    return 'a zip archive, or a spreadsheet; unpack it, or export it as CSV, first';
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    return 'text in UTF-16; convert it to UTF-8 first';
  return undefined;
}

function notRegular(path: string): SourceError {
  return new SourceError(`${path}: not a regular file; save it to one first, so that a run can be resumed.`);
}

function asSourceError(path: string, verb: 'open' | 'read', error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  if (error instanceof RecordTooLongError)
    return new SourceError(`${path}, ${error.message}.`, { cause: error });
  return new SourceError(`Cannot ${verb} ${path}: ${problemOf(error)}.`, { cause: error });
}

/** @throws {PipelineMismatchError} when it is no position of a file source. */
function recordPosition(path: string, at: SourcePosition): RecordPosition {
  const { bytes, rows, lines } = at;
  if (!isCount(bytes) || !isCount(rows) || !isCount(lines)) {
    throw new PipelineMismatchError([`the stored position is not one of ${path}`], false);
  }
  return { bytes, rows, lines };
}

export class FileSource<T> implements OpenSource<T> {
  readonly total: { readonly unit: 'bytes'; readonly value: number };
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #decode: DecodeRecords<T>;
  readonly #reader: RecordReader;
  readonly #rawFacts: Pick<RawRows, 'columns'>;
  #firstHash: string | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(
    handle: FileHandle,
    size: number,
    position: RecordPosition,
    options: RecordReaderOptions,
    decode: DecodeRecords<T>,
    rawFacts: Pick<RawRows, 'columns'>,
  ) {
    this.#rawFacts = rawFacts;
    this.#path = options.path;
    this.#handle = handle;
    this.#decode = decode;
    this.#reader = new RecordReader(handle, position, options);
    this.total = { unit: 'bytes', value: size };
  }

  /** Takes the handle over: closes it when it throws.
   * @param start where the rows begin when `at` is undefined (behind a header).
   * @param rawFacts what `decodeRaw` needs beside the bytes.
   * @throws {PipelineMismatchError} when the file ends before `at`, or its last, unfinished line was added to. */
  static async open<T>(
    [handle, size]: [FileHandle, number],
    at: SourcePosition | undefined,
    options: RecordReaderOptions,
    decode: DecodeRecords<T>,
    start: RecordPosition = START,
    rawFacts: Pick<RawRows, 'columns'> = {},
  ): Promise<FileSource<T>> {
    const { path } = options;
    try {
      let position = at === undefined ? start : recordPosition(path, at);
      if (size < position.bytes) {
        throw new PipelineMismatchError(
          [`${path} has ${size} bytes, and the run had read ${position.bytes} of it`],
          false,
        );
      }
      if (at !== undefined && position.bytes > 0) position = await behindLineEnd(path, handle, position);
      return new FileSource(handle, size, position, options, decode, rawFacts);
    } catch (error) {
      await handle.close().catch(() => {});
      throw asSourceError(path, 'read', error);
    }
  }

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    if (this.#closed !== undefined) return undefined;
    const reading = this.#read(maxRows, maxBytes);
    this.#reading = reading.catch(() => {});
    const records = await reading;
    // Closed meanwhile: the end that the reader met is not the file's.
    if (records === undefined || this.#closed !== undefined) return undefined;
    const decode = this.#decode;
    const { bytes, rows, lines } = records.position;
    return {
      size: records.size,
      position: { bytes, rows, lines },
      done: bytes,
      decode: (row, malformed) => decode(records, row, malformed),
      release: records.release,
      raw: () => ({ ...records.raw(), ...this.#rawFacts }),
    };
  }

  async #read(maxRows: number, maxBytes: number): Promise<Records | undefined> {
    try {
      const records = await this.#reader.read(maxRows, maxBytes);
      if (records === undefined && this.#closed === undefined) await this.#assertWhole();
      return records;
    } catch (error) {
      throw asSourceError(this.#path, 'read', error);
    }
  }

  /** An end that was met because somebody cut the file is not its end. */
  async #assertWhole(): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size < this.#reader.readEnd || size < this.total.value) {
      throw new SourceError(`${this.#path}: became shorter while it was read; put it back and resume.`);
    }
  }

  async identity(position: SourcePosition): Promise<Json> {
    const { bytes } = recordPosition(this.#path, position);
    const from = Math.max(0, bytes - LAST_BYTES);
    try {
      let first = this.#firstHash;
      if (first === undefined) {
        first = hashOf(await readAt(this.#handle, 0, Math.min(bytes, FIRST_BYTES)));
        // Kept once it cannot change any more: every checkpoint asks.
        if (bytes >= FIRST_BYTES) this.#firstHash = first;
      }
      return { first, last: hashOf(await readAt(this.#handle, from, bytes - from)) };
    } catch (error) {
      throw asSourceError(this.#path, 'read', error);
    }
  }

  /** Waits for a read in flight: the system must not give the file's number to another file meanwhile. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#reader.settle();
      await this.#reading;
      await this.#reader.settle();
      await this.#handle.close().catch(() => {});
    })();
    return this.#closed;
  }
}

function hashOf(bytes: Uint8Array): string {
  return sha256(bytes);
}

const LF = 0x0a;
const CR = 0x0d;

/** The run had read to the end of a file whose last line was not ended. When the file has grown since, what was added
 * has to begin with that line's end: else the row that was read was a piece of one. */
async function behindLineEnd(path: string, handle: FileHandle, at: RecordPosition): Promise<RecordPosition> {
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
