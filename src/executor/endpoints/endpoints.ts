/** The forms in which a user gives source and sink. */
import { InvalidOptionError } from '../../errors.js';
import { isObject } from '../../formats/json.js';
import type { ReadableSink, Sink } from '../../sinks/sink.js';
import { rows } from '../../sources/rows.js';
import type { Source } from '../../sources/source.js';

/** A source, a file, or rows. */
export type SourceLike<T> = Source<T> | { readonly source: Source<T> } | Iterable<T> | AsyncIterable<T>;

/** A sink, or a file. */
export type SinkLike<T> = Sink<T> | { readonly sink: Sink<T> };

/** @throws {InvalidOptionError} */
export function toSource(given: SourceLike<unknown>): Source<unknown> {
  if (canOpen(given)) return given as Source<unknown>;
  if (isObject(given) && 'source' in given && canOpen(given.source)) return given.source as Source<unknown>;
  return rows(given as Iterable<unknown> | AsyncIterable<unknown>);
}

/** @throws {InvalidOptionError} */
export function toSink<T>(given: SinkLike<T>): Sink<T> {
  if (canOpen(given)) return given as Sink<T>;
  if (isObject(given) && 'sink' in given && canOpen(given.sink)) return given.sink as unknown as Sink<T>;
  throw new InvalidOptionError('A pipeline writes to a sink: jsonl(path), csv(path), collect() or your own.');
}

/** Files as a source: the result of `jsonl([…])` and `csv([…])`. */
export interface FileInputEndpoint<T> {
  readonly source: Source<T>;
}

/** A file as source or sink: the result of `jsonl(path)` and `csv(path)`. */
export interface FileEndpoint<T> extends FileInputEndpoint<T> {
  /** Throws `InvalidOptionError` if the path is a pattern of several files. */
  readonly sink: ReadableSink<T>;
}

function canOpen(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
}
