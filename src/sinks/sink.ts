/**
 * The contract of a sink: it appends rows; `flush` makes them durable and gives the position reached.
 *
 * Promises, pinned by `src/testing/contracts/sink.ts`:
 * 1. (I7) Opened at a position it gave, it holds exactly what was appended before that `flush`: what lay beyond is cut.
 * 2. (I6) When `flush` resolves, everything appended before is durable. A failure is final: it is never retried.
 * 3. (I19) What is not published is not at its target; `publish` may be called again after a crash, with no effect.
 * 4. Appends come one at a time and in order; `close` may be called at any time, twice too, and publishes nothing.
 */
import type { JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';

/** Where a sink stands; opaque to everyone else, JSON, at most a few hundred bytes. For a file: `{ bytes, tail }`. */
export type SinkPosition = JsonObject;

/** A place for rows; your own is tested with `sinkContract`. */
export interface Sink<T> {
  readonly kind: string;
  /** JSON from which the sink can be rebuilt in another process; undefined: it must be passed again. */
  describe(): JsonObject | undefined;
  /** @param at undefined: a fresh start, which leaves what unfinished sessions have written as it is.
   * @param complete the run had written everything at `at`: the target may already be published.
   * @throws {PipelineMismatchError} when what it wrote up to `at` is not there any more.
   * @throws {SinkError} when it cannot be opened. */
  open(at: SinkPosition | undefined, complete: boolean, context: OpenContext): Promise<OpenSink<T>>;
  /** A sink beside this one for what fails, used when a stage says `dead-letter` and nothing else was chosen. */
  deadLetters?(): Sink<JsonObject>;
  /** What a person would look for: a path, or the kind. */
  readonly label: string;
}

/** What `encode` made of rows; opaque to everyone but the sink. `bytes` is counted for progress and write sizes. */
export interface EncodedRows {
  readonly rows: number;
  readonly bytes: number;
  readonly data: unknown;
}

/** A sink that is being written. */
export interface OpenSink<T> {
  /** Where it stands at opening. */
  readonly position: SinkPosition;
  /** Turns rows into what `append` takes, so that rows need not be kept. Pure. A batch may come in several parts.
   * @param firstIndex rows of the batch before these, for errors. Default 0.
   * @throws what cannot be encoded. */
  encode(rows: readonly T[], firstIndex?: number): EncodedRows;
  /** Same as `encode` for rows that are already JSON Lines text; absent where that is not this sink's form. */
  encodeJsonLines?(lines: Uint8Array, rows: number): EncodedRows;
  /** Writes rows, in order; one call at a time. */
  append(encoded: readonly EncodedRows[]): Promise<void>;
  /** Makes everything appended durable. The position is that of this call: rows appended while it runs, which is allowed,
   * are not covered. */
  flush(): Promise<SinkPosition>;
  /** Puts the result at its target (fsync, rename, directory fsync). After a `flush`. */
  publish(): Promise<void>;
  /** At any time, and twice too; publishes nothing. */
  close(): Promise<void>;
}

/** A sink whose rows can be read back: `ExecutionResult.data`. */
export interface ReadableSink<T> extends Sink<T> {
  /** The published rows, from the beginning. */
  read(context: Pick<OpenContext, 'fileSystem'>): AsyncIterable<T>;
}
