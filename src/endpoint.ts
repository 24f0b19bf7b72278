/**
 * What a pipeline reads from and writes to, as a user may give it: a source, a sink, a file that is either, or rows.
 *
 * Stands above `sources` and `sinks` and below `executor`. Runs anywhere.
 */
import { InvalidOptionError } from './errors.js';
import type { ReadableSink, Sink } from './sinks/sink.js';
import { type RowsInput, rows } from './sources/rows.js';
import type { Source } from './sources/source.js';

/** One file under one name, to be read or to be written: `jsonl(path)`, `csv(path)`.
 * @typeParam Out what reading gives. @typeParam In what may be written. */
export interface FileEndpoint<Out, In = Out> {
  readonly source: Source<Out>;
  readonly sink: ReadableSink<In>;
}

/** Anything a pipeline can read from. */
export type SourceLike<T> = Source<T> | { readonly source: Source<T> } | RowsInput<T>;

/** Anything a pipeline can write to. */
export type SinkLike<T> = Sink<T> | { readonly sink: Sink<T> };

/** @throws {InvalidOptionError} */
export function toSource<T>(given: SourceLike<T>): Source<T> {
  if (isSource<T>(given)) return given;
  if (typeof given === 'object' && given !== null && 'source' in given && isSource<T>(given.source)) {
    return given.source;
  }
  return rows(given as RowsInput<T>);
}

/** @throws {InvalidOptionError} */
export function toSink<T>(given: SinkLike<T>): Sink<T> {
  if (isSink<T>(given)) return given;
  if (typeof given === 'object' && given !== null && 'sink' in given && isSink<T>(given.sink))
    return given.sink;
  throw new InvalidOptionError(
    'A pipeline writes to a sink: jsonl(path), csv(path), collect() or one of your own.',
  );
}

/** A sink that can be read back, when it is one. */
export function readable<T>(sink: Sink<T>): ReadableSink<T> | undefined {
  return 'read' in sink && typeof sink.read === 'function' ? (sink as ReadableSink<T>) : undefined;
}

function isSource<T>(value: unknown): value is Source<T> {
  return (
    has(value, 'kind', 'string') && has(value, 'onMalformed', 'string') && has(value, 'open', 'function')
  );
}

function isSink<T>(value: unknown): value is Sink<T> {
  return has(value, 'kind', 'string') && has(value, 'label', 'string') && has(value, 'open', 'function');
}

function has(value: unknown, name: string, type: 'string' | 'function'): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[name] === type
  );
}
