/**
 * Rows from memory: an array, an iterable, an async iterable, or a function that gives one.
 *
 * 1. An array is reopened at its index. Another iterable is read again from its beginning, and what lies before the
 *    position is passed over one row at a time, never collected.
 * 2. What can be read only once (a generator, a stream) is refused when it would have to be read again: a function that
 *    makes a fresh one can always be.
 * 3. Runs anywhere: nothing of Node.
 */
import { InvalidOptionError, PipelineMismatchError, SourceError } from '../errors.js';
import { isCount } from '../formats/json.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from './source.js';

/** Rows in memory, or a function that gives them anew. */
export type RowsInput<T> = Iterable<T> | AsyncIterable<T> | (() => Iterable<T> | AsyncIterable<T>);

/** A source of rows from memory.
 * @param input an array, an iterable, an async iterable, or a function that gives one: give a function where a run may
 *   be resumed and the rows come from a generator or a stream.
 * @throws {InvalidOptionError} for anything else; a string counts as a mistake for a file's path. */
export function rows<T>(input: RowsInput<T>): Source<T> {
  if (typeof input !== 'function' && !isIterable(input)) {
    throw new InvalidOptionError(
      'rows() takes an array, an iterable, an async iterable or a function that gives one; for a file use jsonl() or csv().',
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
        throw new SourceError('rows(): the function gave nothing that can be iterated.');
      if (typeof input !== 'function' && isOneShot(iterable)) {
        if (consumed) {
          throw new SourceError(
            'rows(): this iterable can be read only once and has been; pass a function that gives a fresh one.',
          );
        }
        consumed = true;
      }
      const source = new IteratedRows<T>(iterable, before);
      await source.skip(before);
      return source;
    },
  };
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

/** Generators are their own iterators. Of async iterables only those in memory could start again, and none says so. */
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

function batchOf<T>(values: readonly T[], done: number): SourceBatch<T> {
  return {
    size: values.length,
    position: { rows: done },
    done,
    decode(row) {
      for (const value of values) row(value);
    },
  };
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
    return batchOf(values, this.#done);
  }

  async identity(): Promise<undefined> {}

  async close(): Promise<void> {
    this.#closed = true;
  }
}

class IteratedRows<T> implements OpenSource<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #done: number;
  #closed = false;
  /** Ends a `read` that waits for an iterator which may never answer. */
  #interrupt: () => void = () => {};

  constructor(iterable: Iterable<T> | AsyncIterable<T>, before: number) {
    this.#iterator =
      Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
    this.#done = before;
  }

  async skip(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      if ((await this.#next()).done) throw shorter(i, count);
    }
  }

  read(maxRows: number): Promise<SourceBatch<T> | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      this.#fill(maxRows).then(resolve, reject);
    });
  }

  async identity(): Promise<undefined> {}

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#interrupt();
    // Not waited for: a generator that is in the middle of something answers when that is over, perhaps never.
    Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #fill(maxRows: number): Promise<SourceBatch<T> | undefined> {
    const values: T[] = [];
    while (values.length < maxRows && !this.#closed) {
      const next = this.#next();
      const { done, value } = next instanceof Promise ? await next : next;
      if (done) break;
      values.push(value);
    }
    if (values.length === 0 || this.#closed) return undefined;
    this.#done += values.length;
    return batchOf(values, this.#done);
  }

  #next(): IteratorResult<T> | Promise<IteratorResult<T>> {
    return this.#iterator.next();
  }
}
