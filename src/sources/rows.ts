/**
 * Rows from memory: an array, an iterable, an async iterable, or a function that returns one.
 *
 * 1. An array is reopened at its index. Other iterables are read again from the beginning; rows before the position are
 *    skipped one at a time, never collected.
 * 2. An iterable that can be read only once (a generator, a stream) is refused when it would have to be read again. A
 *    function that returns a fresh one is always accepted.
 * 3. Runs anywhere: no Node built-in.
 * 4. Rows of a live iterable are not held back: `settleRead` ends a waiting read with the rows that have arrived.
 */
import { InvalidOptionError, PipelineMismatchError, SourceError } from '../errors.js';
import { isCount } from '../formats/json.js';
import { RowsBatch } from './rows-batch.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from './source.js';

/** Rows in memory, or a function that returns them afresh. */
export type RowsInput<T> = Iterable<T> | AsyncIterable<T> | (() => Iterable<T> | AsyncIterable<T>);

/** A source of rows from memory.
 * @param input an array, an iterable, an async iterable, or a function that returns one. To resume a run whose rows come
 *   from a generator or a stream, pass a function.
 * @throws {InvalidOptionError} for anything else, and for a string, which is probably a path.
 * @example
 * pipeline('numbers').from(rows([1, 2, 3]))
 */
export function rows<T>(input: RowsInput<T>): Source<T> {
  if (typeof input !== 'function' && !isIterable(input)) {
    throw new InvalidOptionError(
      'rows() takes an array, an iterable, an async iterable or a function that returns one. For a file use jsonl() or csv().',
    );
  }
  let consumed = false;
  return {
    kind: 'rows',
    onMalformed: 'fail',
    describe: () => undefined,
    async open(at) {
      const before = rowsBefore(at);
      const iterable = typeof input === 'function' ? input() : input;
      if (Array.isArray(iterable)) return new ArrayRows<T>(iterable, before);
      if (!isIterable(iterable))
        throw new SourceError(
          'rows(): the function did not return an iterable. Return an array, an iterable or an async iterable.',
        );
      if (typeof input !== 'function' && isOneShot(iterable)) {
        if (consumed) {
          throw new SourceError(
            'rows(): this iterable can be read only once, and was read before. Pass a function that returns a fresh one.',
          );
        }
        consumed = true;
      }
      const source = new IteratedRows<T>(iterable, before);
      await source.skipRows(before);
      return source;
    },
  };
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

/** Generators are their own iterators. An async iterable does not say whether it can start again. */
function isOneShot(iterable: Iterable<unknown> | AsyncIterable<unknown>): boolean {
  return Symbol.asyncIterator in iterable || Object.is(iterable[Symbol.iterator](), iterable);
}

function rowsBefore(at: SourcePosition | undefined): number {
  if (at === undefined) return 0;
  const { rows: before } = at;
  if (!isCount(before)) throw new PipelineMismatchError(['the stored position is not one of rows()'], false);
  return before;
}

function shorter(has: number, before: number): PipelineMismatchError {
  return new PipelineMismatchError([`the input has ${has} rows, and the run had read ${before}`], false);
}

class ArrayRows<T> implements OpenSource<T> {
  readonly total: { readonly unit: 'rows'; readonly value: number };
  readonly #values: readonly T[];
  #done: number;
  #closed = false;

  constructor(values: readonly T[], before: number) {
    if (values.length < before) throw shorter(values.length, before);
    this.#values = values;
    this.#done = before;
    this.total = { unit: 'rows', value: values.length };
  }

  async read(maxRows: number): Promise<SourceBatch<T> | undefined> {
    if (this.#closed) return undefined;
    const values = this.#values.slice(this.#done, this.#done + maxRows);
    if (values.length === 0) return undefined;
    this.#done += values.length;
    return new RowsBatch(values, this.#done, { rows: this.#done });
  }

  async identity(): Promise<undefined> {}

  async close(): Promise<void> {
    this.#closed = true;
  }
}

/** A read that has not settled. */
interface ReadRequest<T> {
  readonly maxRows: number;
  resolve(batch: SourceBatch<T> | undefined): void;
  reject(error: unknown): void;
}

class IteratedRows<T> implements OpenSource<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #done: number;
  #closed = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** Rows that no batch has yet. */
  #waiting: T[] = [];
  #request: ReadRequest<T> | undefined;
  #isFilling = false;

  constructor(iterable: Iterable<T> | AsyncIterable<T>, before: number) {
    this.#iterator =
      Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    this.#done = before;
  }

  async skipRows(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      if ((await this.#iterator.next()).done) throw shorter(i, count);
    }
  }

  read(maxRows: number): Promise<SourceBatch<T> | undefined> {
    return new Promise((resolve, reject) => {
      this.#request = { maxRows, resolve, reject };
      // A loop that still waits for the iterator serves this request too.
      if (!this.#isFilling) void this.#fillRequests();
    });
  }

  settleRead(): void {
    if (this.#waiting.length > 0) this.#settleRequest();
  }

  async identity(): Promise<undefined> {}

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#settleRequest();
    // Not awaited: a generator that waits for something may never return.
    Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #fillRequests(): Promise<void> {
    this.#isFilling = true;
    try {
      while (this.#request !== undefined) {
        const isFull = this.#waiting.length >= this.#request.maxRows;
        if (isFull || this.#ended || this.#closed || this.#failure !== undefined) {
          this.#settleRequest();
          continue;
        }
        const next = this.#iterator.next();
        const { done, value } = 'then' in next ? await next : next;
        if (done) this.#ended = true;
        else this.#waiting.push(value);
      }
    } catch (error) {
      this.#failure = { error };
      this.#settleRequest();
    } finally {
      this.#isFilling = false;
    }
  }

  /** Settles the waiting read: with rows, else with the iterator's error, else with the end. */
  #settleRequest(): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    const values = this.#closed ? [] : this.#waiting.splice(0, request.maxRows);
    if (values.length > 0) {
      this.#done += values.length;
      request.resolve(new RowsBatch(values, this.#done, { rows: this.#done }));
    } else if (this.#failure === undefined || this.#closed) request.resolve(undefined);
    else request.reject(this.#failure.error);
  }
}
