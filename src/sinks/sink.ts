/**
 * The contract of a sink: it appends rows; `flush` makes them durable and gives the position reached.
 *
 * Promises, pinned by `src/testing/contracts/sink.ts`:
 * 1. (I7) Opened at a position that it gave, it holds exactly what was appended before that `flush`: the rest is truncated.
 * 2. (I6) When `flush` resolves, everything appended before the call is durable. A failure is final: it is never retried.
 * 3. (I19) Nothing is at the target before `publish`. `publish` may be called again after a crash, without effect.
 * 4. Appends come one at a time and in order. `close` may be called at any time, and twice, and publishes nothing.
 */
import type { SinkError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';

/** Where a sink stands. JSON of at most 700 characters, opaque to all but its sink. For a file: `{ bytes, tail, part }`. */
export type SinkPosition = JsonObject;

/** Where rows go. Test your own with `sinkContract`. */
export interface Sink<T> {
  readonly kind: string;
  /** JSON from which another process can rebuild the sink. Undefined: pass the sink again on resume. */
  describe(): JsonObject | undefined;
  /** @param at undefined: a fresh start, which leaves the files of unfinished sessions as they are.
   * @param complete the run had written everything at `at`: the target may be published already.
   * @throws {PipelineMismatchError} if what it wrote up to `at` is not there any more.
   * @throws {SinkError} if it cannot be opened. */
  open(at: SinkPosition | undefined, complete: boolean, context: OpenContext): Promise<OpenSink<T>>;
  /** A sink beside this one for failed rows: used for the policy `dead-letter` unless the pipeline names another. */
  deadLetters?(): Sink<JsonObject>;
  /** Removes what the session wrote and did not publish; what other sessions wrote stays. For `prune`.
   * @param at the session's last position; undefined: none is known. */
  discard?(at: SinkPosition | undefined, context: OpenContext): Promise<void>;
  /** How the output differs from what the run wrote up to `at`; undefined: it does not. Changes nothing. Absent: unknown.
   * @param depth `end`: in constant time, as `open` does. `all`: every byte. */
  compare?(at: SinkPosition, depth: 'end' | 'all', context: OpenContext): Promise<string | undefined>;
  /** Whether a path may be one of the files that it writes, beside the one of `describe`: an input there is refused. */
  mayWrite?(path: string): boolean;
  /** Removes the result of an earlier run. Used for dead letters, when a run without any completes. */
  removePublished?(context: OpenContext): Promise<void>;
  /** Its target keeps the rows of earlier runs beside those of this one. Default false: `publish` replaces them. */
  readonly appends?: boolean;
  /** `publish` has begun after all was written, at `at`: no more rows can be appended. Changes nothing. Absent: unknown. */
  isPublished?(at: SinkPosition, context: OpenContext): Promise<boolean>;
  /** The files that it publishes, as absolute paths. Absent: the `path` of its description, if it has one. */
  readonly files?: readonly string[];
  /** Where it writes, if not to files: two sinks of the same name within the same object write to the same place. */
  readonly target?: { readonly within: object; readonly name: string };
  /** What a person would look for: a path, or the kind. */
  readonly label: string;
}

/** What `encode` made of rows; opaque to all but its sink. `bytes` is for progress and write sizes. */
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
  /** Why this row alone cannot be encoded; undefined: it can. Such rows follow the `onError` of the last stage. Absent: they end the
   * run. @param index of the row in the batch, for the message. */
  problemOf?(row: T, index: number): SinkError | undefined;
  /** Like `encode`, for rows that are JSON Lines text already. Absent if that is not this sink's format. */
  encodeJsonLines?(lines: Uint8Array, rows: number): EncodedRows;
  /** Writes rows, in order; one call at a time. Encoded rows are appended once. */
  append(encoded: readonly EncodedRows[]): Promise<void>;
  /** Makes everything appended before the call durable. Rows may be appended while it runs: the position, which is the one
   * at the call, does not cover them. */
  flush(): Promise<SinkPosition>;
  /** Puts the result at its target (fsync, rename, directory fsync). Called after a `flush`. */
  publish(): Promise<void>;
  /** May be called at any time, and twice; publishes nothing. */
  close(): Promise<void>;
}

/** A sink whose rows can be read back: `ExecutionResult.data`. */
export interface ReadableSink<T> extends Sink<T> {
  /** The published rows, from the beginning. */
  read(context: Pick<OpenContext, 'fileSystem'>): AsyncIterable<T>;
}
