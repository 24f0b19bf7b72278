/**
 * A sink in memory.
 *
 * 1. Its position is a count of rows. Reopened there, it drops what was beyond (I7).
 * 2. A fresh start begins a new array: the array of an earlier run stays as it was.
 * 3. Runs anywhere: no Node built-in.
 */
import { PipelineMismatchError, SinkError } from '../errors.js';
import { isCount, type JsonObject } from '../formats/json.js';
import { findPromise } from '../formats/promises.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from './sink.js';

/** A sink in memory. */
export interface CollectSink<T> extends ReadableSink<T> {
  /** The rows appended so far, in order; complete when `published`. */
  readonly rows: readonly T[];
  /** The run that wrote them has completed. */
  readonly published: boolean;
  /** Failed rows, if a stage or the source has the policy `dead-letter`. */
  readonly deadLettered: CollectSink<JsonObject>;
  deadLetters(): CollectSink<JsonObject>;
}

/**
 * Collects the output in memory, for tests, small results and browsers.
 * @example
 * const sink = collect<number>();
 * await pipeline('double').from(rows([1, 2])).pipe(map('double', (n) => n * 2)).to(sink).run();
 * console.log(sink.rows); // [2, 4]
 */
export function collect<T = unknown>(): CollectSink<T> {
  return new Collect<T>();
}

class Collect<T> implements CollectSink<T> {
  readonly kind = 'collect';
  readonly label = 'collect';
  rows: T[] = [];
  published = false;
  #deadLettered: CollectSink<JsonObject> | undefined;

  get deadLettered(): CollectSink<JsonObject> {
    this.#deadLettered ??= new Collect<JsonObject>();
    return this.#deadLettered;
  }

  deadLetters(): CollectSink<JsonObject> {
    return this.deadLettered;
  }

  describe(): undefined {}

  async removePublished(): Promise<void> {
    this.rows = [];
    this.published = false;
  }

  async open(at: SinkPosition | undefined, complete: boolean): Promise<OpenSink<T>> {
    if (at === undefined) {
      this.rows = [];
      this.published = false;
      return new OpenCollect(this);
    }
    const { rows } = at;
    if (!isCount(rows))
      throw new PipelineMismatchError(['the stored position is not one of collect()'], false);
    if (this.rows.length < rows) {
      throw new PipelineMismatchError(
        [
          `collect() holds ${this.rows.length} rows, and the run had written ${rows}; its rows exist in one process only`,
        ],
        false,
      );
    }
    this.rows.length = rows;
    if (!complete) this.published = false;
    return new OpenCollect(this);
  }

  async *read(): AsyncGenerator<T> {
    if (!this.published) throw new SinkError('collect(): nothing is published. The run has not completed.');
    yield* this.rows;
  }
}

class OpenCollect<T> implements OpenSink<T> {
  readonly #sink: Collect<T>;
  /** This opening's array: an opening before a fresh start cannot change the new array. */
  readonly #rows: T[];
  #closed = false;
  position: SinkPosition;

  constructor(sink: Collect<T>) {
    this.#sink = sink;
    this.#rows = sink.rows;
    this.position = { rows: sink.rows.length };
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    rows.forEach((row, i) => {
      const path = findPromise(row);
      if (path === undefined) return;
      throw new SinkError(
        `collect(): row ${firstIndex + i} of a batch (from 0) holds a promise${path && ` at ${path}`}.`,
      );
    });
    return { rows: rows.length, bytes: 0, data: [...rows] };
  }

  async append(encoded: readonly EncodedRows[]): Promise<void> {
    this.#assertOpen();
    for (const { data } of encoded) {
      for (const row of data as readonly T[]) this.#rows.push(row);
    }
  }

  async flush(): Promise<SinkPosition> {
    this.#assertOpen();
    this.position = { rows: this.#rows.length };
    return this.position;
  }

  async publish(): Promise<void> {
    this.#assertOpen();
    if (this.#sink.rows !== this.#rows)
      throw new SinkError(
        'collect(): another run has begun to write to it. Give each run its own collect().',
      );
    this.#sink.published = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new SinkError('collect(): it is closed already.');
  }
}
