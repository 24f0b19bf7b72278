/** The forms in which a user gives source and sink. */
import { InvalidOptionError } from '../../errors.js';
import type { ReadableSink, Sink } from '../../sinks/sink.js';
import { rows } from '../../sources/rows.js';
import type { Source } from '../../sources/source.js';

/** A source, a file, or rows. */
export type SourceLike<T> = Source<T> | { readonly source: Source<T> } | Iterable<T> | AsyncIterable<T>;

/** A sink, or a file. */
export type SinkLike<T> = Sink<T> | { readonly sink: Sink<T> };

/** @throws {InvalidOptionError} */
export function toSource(given: SourceLike<unknown>): Source<unknown> {
  if (isFileEndpoint(given)) return given.source;
  if (canOpen(given)) return given as Source<unknown>;
  return rows(given as Iterable<unknown> | AsyncIterable<unknown>);
}

/** @throws {InvalidOptionError} */
export function toSink<T>(given: SinkLike<T>): Sink<T> {
  if (isFileEndpoint(given)) return given.sink as unknown as Sink<T>;
  if (canOpen(given)) return given as Sink<T>;
  throw new InvalidOptionError('A pipeline writes to a sink: jsonl(path), csv(path), collect() or your own.');
}

/** A file as source or sink: the result of `jsonl(path)` and `csv(path)`. */
export interface FileEndpoint<T> {
  readonly source: Source<T>;
  readonly sink: ReadableSink<T>;
}

export function isFileEndpoint(value: unknown): value is FileEndpoint<unknown> {
  if (typeof value !== 'object' || value === null || !('source' in value) || !('sink' in value)) return false;
  return canOpen(value.source) && canOpen(value.sink);
}

function canOpen(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
}
