/**
 * The contract of a source: it reads batches from a position, and can be reopened at any position it gave.
 *
 * Promises, pinned by `src/testing/contracts/source.ts`:
 * 1. Reading from a position gives the rows that an uninterrupted read would have given from there, cut into the same
 *    batches when asked with the same limits.
 * 2. Reopening takes constant time where the medium can seek (files), and never buffers what it skips.
 * 3. A malformed row is reported in its place and never ends the reading: the policy is the executor's.
 * 4. `read` is never called again before it has settled; `close` may be called at any time, twice too.
 */
import type { MalformedRowError } from '../errors.js';
import type { Json, JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';

/** Where a source stands; opaque to everyone else, JSON, at most a few hundred bytes. For a file: `{ bytes, rows }`. */
export type SourcePosition = JsonObject;

/** What a malformed row does: end the run, be left out and counted, or go to the dead-letter sink. */
export type MalformedPolicy = 'fail' | 'skip' | 'dead-letter';

/** A place that rows come from; your own is tested with `sourceContract`. */
export interface Source<T> {
  /** Names the kind in messages and descriptions: `jsonl`, `csv`, `rows`. */
  readonly kind: string;
  /** `fail` unless told. */
  readonly onMalformed: MalformedPolicy;
  /** JSON from which the source can be rebuilt in another process; undefined: it must be passed again. */
  describe(): JsonObject | undefined;
  /** @param at a position this source gave; undefined: the start.
   * @throws {SourceError} when it cannot be opened. */
  open(at: SourcePosition | undefined, context: OpenContext): Promise<OpenSource<T>>;
  /** Decodes in any thread what a batch's `raw` gave there; absent where rows are not bytes. */
  decodeRaw?(raw: RawRows, row: (value: T) => void, malformed: (error: MalformedRowError) => void): void;
}

/** Rows as the bytes they are in their file, to be sent to another thread. */
export interface RawRows {
  /** Memory of its own, and nothing else in it. */
  readonly bytes: Uint8Array;
  /** Pairs: where a row begins and ends in `bytes`. */
  readonly bounds: Uint32Array;
  /** Of the first byte in the file, and how many line ends are before it. */
  readonly offset: number;
  readonly firstLine: number;
  /** Names of the columns, where a header gave them. */
  readonly columns?: readonly string[];
}

/** A source that is being read. */
export interface OpenSource<T> {
  /** The next rows: at most `maxRows`, and at most about `maxBytes` where bytes are known (one row at least).
   * Undefined at the end. */
  read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined>;
  /** I15: what tells this input from another: facts about its beginning and about the place before `position`.
   * Constant time. Undefined where nothing can be said (an iterable). */
  identity(position: SourcePosition): Promise<Json | undefined>;
  /** Whole size where known now, for progress: bytes for a file, rows for an array. */
  readonly total?: { readonly unit: 'bytes' | 'rows'; readonly value: number };
  /** At any time, and twice too. */
  close(): Promise<void>;
}

/** Rows not yet decoded: what is decoded is visited in one pass, so that rows stay young in memory. */
export interface SourceBatch<T> {
  /** Rows in it, the malformed ones counted. */
  readonly size: number;
  /** Where the source stands after it. */
  readonly position: SourcePosition;
  /** How much of `total` lies before `position`, in its unit. */
  readonly done: number;
  /** Visits the rows in order; a malformed one is given to `malformed` in its place. May be called again (a retry). */
  decode(row: (value: T) => void, malformed: (error: MalformedRowError) => void): void;
  /** Nothing more is asked of it: the memory behind the rows may be used again. */
  release?(): void;
  /** The same rows for another thread; absent where the source has no `decodeRaw`. */
  raw?(): RawRows;
}
