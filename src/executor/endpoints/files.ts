/**
 * `jsonl()` and `csv()`: one file as a source and as a sink. Both are rebuilt from their descriptions in a checkpoint. Only
 * reachable from `xstate-pipeline/node`.
 */
import { isAbsolute } from 'node:path';
import { InvalidOptionError } from '../../errors.js';
import { isObject, type Json, type JsonObject } from '../../formats/json.js';
import { type CsvSinkOptions, csvSink } from '../../sinks/csv.js';
import { type JsonlSinkOptions, jsonlSink } from '../../sinks/jsonl.js';
import type { Sink } from '../../sinks/sink.js';
import { type CsvRow, type CsvSourceOptions, csvSource } from '../../sources/csv.js';
import { type JsonlSourceOptions, jsonlSource } from '../../sources/jsonl.js';
import type { Source } from '../../sources/source.js';
import type { FileEndpoint } from './endpoints.js';

/** `publish` is for writing, the others are for reading. */
export interface JsonlOptions extends JsonlSourceOptions, JsonlSinkOptions {}

/** `columns` and `publish` are for writing; `quote`, `onMalformed` and `maxRecordBytes` are for reading. */
export interface CsvOptions extends Omit<CsvSourceOptions, 'header'>, Omit<CsvSinkOptions, 'header'> {
  readonly header?: boolean | readonly string[] | undefined;
}

/** A JSON Lines file as source or sink.
 * @param path relative to the current working directory, or a `file:` URL. `~/` is the home directory.
 * @throws {InvalidOptionError}
 * @example pipeline('copy').from(jsonl('in.jsonl')).to(jsonl('out.jsonl')) */
export function jsonl<T = JsonObject>(path: string | URL, options: JsonlOptions = {}): FileEndpoint<T> {
  refuseUnknown('jsonl', options, ['onMalformed', 'maxLineBytes', 'publish']);
  return { source: jsonlSource<T>(path, options), sink: jsonlSink<T>(path, options) };
}

/** A CSV file as source or sink. As a list, `header` names the columns of a file without a header.
 *
 * A row that is read is an object of text, or an array of text with `header: false`. `T` may name the columns. As with
 * `jsonl`, only a stage's `input` schema checks that, and it can give the type too.
 *
 * ```ts
 * pipeline('reviews').from(csv<z.input<typeof Review>>('in.csv')).pipe(map('parse', tidy, { input: Review }))
 * ```
 * @param path relative to the current working directory, or a `file:` URL. `~/` is the home directory.
 * @throws {InvalidOptionError} */
export function csv<T extends object = readonly string[]>(
  path: string | URL,
  options: CsvOptions & { readonly header: false },
): FileEndpoint<T>;
export function csv<T extends object = CsvRow>(path: string | URL, options?: CsvOptions): FileEndpoint<T>;
export function csv(path: string | URL, options: CsvOptions = {}): FileEndpoint<CsvRow | readonly string[]> {
  refuseUnknown('csv', options, [
    'header',
    'delimiter',
    'quote',
    'onMalformed',
    'maxRecordBytes',
    'columns',
    'publish',
  ]);
  const { header, columns } = options;
  const named = Array.isArray(header) ? (header as readonly string[]) : undefined;
  return {
    source: csvSource(path, options) as Source<CsvRow | readonly string[]>,
    sink: csvSink(path, {
      ...options,
      header: named === undefined ? (header as boolean | undefined) : false,
      columns: columns ?? named,
    }),
  };
}

function refuseUnknown(kind: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidOptionError(
      `${kind} has no option ${JSON.stringify(unknown).slice(0, 80)}. Its options are ${known.join(', ')}.`,
    );
  }
}

/** Rebuilds a source from its `describe()`. @throws {InvalidOptionError} if it is not the description of a file. */
export function sourceFromDescription(description: Json): Source<unknown> {
  const { kind, path, ...options } = described(description, 'source');
  if (kind === 'jsonl') {
    refuseUnknown('jsonl source', options, ['onMalformed', 'maxLineBytes']);
    return jsonlSource<unknown>(path, options as JsonlSourceOptions);
  }
  if (kind === 'csv') {
    refuseUnknown('csv source', options, ['onMalformed', 'header', 'delimiter', 'quote', 'maxRecordBytes']);
    return csvSource(path, options as CsvSourceOptions);
  }
  throw unknownKind('source');
}

/** Rebuilds a sink from its `describe()`. @throws {InvalidOptionError} if it is not the description of a file. */
export function sinkFromDescription(description: Json): Sink<unknown> {
  const { kind, path, ...options } = described(description, 'sink');
  if (kind === 'jsonl') {
    refuseUnknown('jsonl sink', options, ['publish']);
    return jsonlSink<unknown>(path, options as JsonlSinkOptions);
  }
  if (kind === 'csv') {
    refuseUnknown('csv sink', options, ['publish', 'delimiter', 'header', 'columns']);
    return csvSink(path, options as CsvSinkOptions) as Sink<unknown>;
  }
  throw unknownKind('sink');
}

/** The other fields are checked by their users, which throw `InvalidOptionError`. */
function described(
  description: Json,
  what: string,
): { kind: string; path: string } & Record<string, unknown> {
  if (!isObject(description)) throw unknownKind(what);
  const { kind, path } = description;
  if (typeof kind !== 'string') throw unknownKind(what);
  if (typeof path !== 'string' || !isAbsolute(path)) {
    throw new InvalidOptionError(`A stored ${what} has no absolute path. Pass the ${what} again.`);
  }
  return { ...description, kind, path };
}

function unknownKind(what: string): InvalidOptionError {
  return new InvalidOptionError(`A stored ${what} is of an unknown kind. Pass the ${what} again.`);
}
