/**
 * The contract of a source: it reads batches from a position, and can be reopened at any position that it gave.
 *
 * Promises, pinned by `src/testing/contracts/source.ts`:
 * 1. Reading from a position gives the same rows as an uninterrupted read. With the same limits, it cuts the same batches.
 * 2. Reopening takes constant time if the medium can seek (files), and never buffers what it skips.
 * 3. A malformed row is reported in its place and does not end the reading: the policy is the executor's.
 * 4. `read` is not called again before it has settled. `close` may be called at any time, and twice.
 * 5. A `read` that rejects with a `SourcePause` pauses the run with its reason; after a resume, `read` is called again.
 */
import type { MalformedRowError } from '../errors.js';
import type { Json, JsonObject } from '../formats/json.js';
import type { FileHandle, FileStat } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';

/** A place between two rows. JSON of at most 1,500 characters, opaque to all but its source. A file: `{ bytes, rows }`. */
export type SourcePosition = JsonObject;

/** What happens to a malformed row: it fails the run, is left out and counted, or goes to the dead-letter sink. */
export type MalformedPolicy = 'fail' | 'skip' | 'dead-letter';

/** Where rows come from. Test your own with `sourceContract`. */
export interface Source<T> {
  /** Names the kind in messages and descriptions: `jsonl`, `csv`, `rows`. */
  readonly kind: string;
  /** Default 'fail'. */
  readonly onMalformed: MalformedPolicy;
  /** It is read once, from its beginning: a run cannot be resumed. Default false. */
  readonly isReadOnce?: boolean;
  /** JSON from which another process can rebuild the source. Undefined: pass the source again on resume. */
  describe(): JsonObject | undefined;
  /** @param at a position that this source gave; undefined: the start.
   * @throws {SourceError} if it cannot be opened. */
  open(at: SourcePosition | undefined, context: OpenContext): Promise<OpenSource<T>>;
  /** Loads what `decodeRaw` needs, in a thread that opens no source. */
  prepareRaw?(): Promise<void>;
  /** Decodes what a batch's `raw` gave, in any thread. Absent if rows are not bytes. */
  decodeRaw?(raw: RawRows, row: (value: T) => void, malformed: (error: MalformedRowError) => void): void;
}

/** Rows as bytes of their file, for another thread. */
export interface RawRows {
  /** In memory that holds nothing else. */
  readonly bytes: Uint8Array;
  /** Pairs: where a row begins and ends in `bytes`. */
  readonly bounds: Uint32Array;
  /** Offset of the first byte in the file, and line ends before it. */
  readonly offset: number;
  readonly firstLine: number;
  /** Column names, if a header gave them. */
  readonly columns?: readonly string[];
  /** The file that has them, for errors. */
  readonly file?: string;
}

/** A source that is being read. */
export interface OpenSource<T> {
  /** The next rows: at most `maxRows`, and at most about `maxBytes` if bytes are known (one row at least). Undefined at the
   * end. */
  read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined>;
  /** For live sources: a `read` that waits settles at once with the rows that have arrived. If there are none, it continues
   * to wait. */
  settleRead?(): void;
  /** I15: what distinguishes this input from another: hashes of its beginning and of the bytes before `position`.
   * Constant time. Undefined if nothing can be said (an iterable). */
  identity(position: SourcePosition): Promise<Json | undefined>;
  /** The same of an input of which nothing is committed yet: hashes of its beginning and its end. Constant time. Absent: a change
   * before the first commit is not refused.
   * @param size of the input when the session began, in the unit of `total`: what has grown since is left out. */
  identityOfWhole?(size?: number): Promise<Json>;
  /** The whole size if it is known, for progress: bytes of a file, rows of an array. */
  readonly total?: { readonly unit: 'bytes' | 'rows'; readonly value: number };
  /** Column names in order, if the source has columns. A CSV sink writes its columns in this order. */
  readonly columns?: readonly string[];
  /** The file that is read, so that no sink overwrites it. */
  readonly file?: Pick<FileHandle, 'stat'>;
  /** All files that are read, in the order of reading, if there may be several. */
  readonly files?: readonly { readonly path: string; readonly stat: FileStat }[];
  /** The path of the file, if it is one. */
  readonly path?: string;
  /** How the input before the position of the opening differs from what was read, if the source can tell. */
  readonly difference?: string;
  /** May be called at any time, and twice. */
  close(): Promise<void>;
}

/** Rows that are not decoded yet. Decoding visits them one by one, so that they stay young in memory. */
export interface SourceBatch<T> {
  /** Number of rows, including malformed ones. */
  readonly size: number;
  /** The position after the batch. */
  readonly position: SourcePosition;
  /** How much of `total` is before `position`, in its unit. */
  readonly done: number;
  /** Path of the file that the rows are from. Absent: they are from no file. */
  readonly file?: string;
  /** (I26) A hash of the rows as they are in the source: the same for the same rows, another one for other rows. Called
   * before `release`. Absent: the executor hashes the decoded rows. */
  hash?(): string;
  /** Name of the first stage that gets the rows. Absent: the first of the pipeline. */
  readonly firstStage?: string;
  /** Visits the rows in order; a malformed row goes to `malformed` in its place. May be called again (a retry). */
  decode(row: (value: T) => void, malformed: (error: MalformedRowError) => void): void;
  /** Ends the use of the batch: the memory of the rows may be reused. */
  release?(): void;
  /** The same rows for another thread. Absent if the source has no `decodeRaw`. */
  raw?(): RawRows;
}
