/**
 * `jsonl()` and `csv()`: files as a source, and a file as a sink. Both are rebuilt from their descriptions in a checkpoint. Only
 * reachable from `xstate-pipeline/node`.
 */
import { isAbsolute } from 'node:path';
import { InvalidOptionError } from '../../errors.js';
import { isObject, type Json, type JsonObject } from '../../formats/json.js';
import { readOption, whole as wholeNumber } from '../../formats/shape.js';
import { type CsvSinkOptions, csvSink } from '../../sinks/csv.js';
import { type JsonlSinkOptions, jsonlSink } from '../../sinks/jsonl.js';
import type { ReadableSink, Sink } from '../../sinks/sink.js';
import { type SplitOptions, splitSink, storedSplitSink } from '../../sinks/split/split-sink.js';
import { type CsvRow, type CsvSourceOptions, csvSource } from '../../sources/csv.js';
import { deadLetterSource } from '../../sources/dead-letters/dead-letters.js';
import { describedDeadLetters } from '../../sources/dead-letters/described-dead-letters.js';
import type { FileInput } from '../../sources/file-input.js';
import { type JsonlSourceOptions, jsonlSource } from '../../sources/jsonl.js';
import { limitedSource } from '../../sources/limited-source.js';
import type { Source } from '../../sources/source.js';
import type { FileEndpoint, FileInputEndpoint } from './endpoints.js';

/** `publish`, `key` and `maxBytes` are for writing, the others are for reading. */
export interface JsonlOptions<T = JsonObject> extends JsonlSourceOptions, JsonlSinkOptions, SplitOptions<T> {}

/** `columns` and `publish` are for writing; `quote`, `onMalformed` and `maxRecordBytes` are for reading. */
export interface CsvOptions extends Omit<CsvSourceOptions, 'header'>, Omit<CsvSinkOptions, 'header'> {
  readonly header?: boolean | readonly string[] | undefined;
}

/** A JSON Lines file as source or sink; or several files, given by a pattern or a list, as a source.
 *
 * The files of a pattern are read in the order of their names (code units), a list in its own order. A stage finds the file
 * of its rows in `context.batch.file`.
 * @param path relative to the current working directory, or a `file:` URL. `~/` is the home directory. A pattern has `*`,
 *   `**`, `?`, `[…]` or `{a,b}`. Files that are gzip are recognised by their contents; a name that ends in `.gz` is written so.
 * @throws {InvalidOptionError}
 * @example
 * pipeline('copy').from(jsonl('in.jsonl')).to(jsonl('out.jsonl'))
 * pipeline('collect').from(jsonl('logs/*.jsonl.gz')).to(jsonl('logs.jsonl'))
 * pipeline('divide').from(jsonl('in.jsonl')).to(jsonl('out/{key}.jsonl', { key: (row) => String(row.country) })) */
export function jsonl<T = JsonObject>(path: string | URL, options?: JsonlOptions<T>): FileEndpoint<T>;
export function jsonl<T = JsonObject>(
  paths: readonly (string | URL)[],
  options?: JsonlSourceOptions,
): FileInputEndpoint<T>;
export function jsonl<T = JsonObject>(
  path: FileInput,
  options: JsonlOptions<T> = {},
): FileInputEndpoint<T> & { readonly sink?: ReadableSink<T> } {
  refuseUnknown('jsonl', options, ['onMalformed', 'maxLineBytes', 'publish', 'key', 'maxBytes']);
  return endpoint(jsonlSource<T>(path, options), path, (output) => jsonlOutput<T>(output, options));
}

/** One file, or several by key and size. */
function jsonlOutput<T>(path: string | URL, options: JsonlOptions<T>): ReadableSink<T> {
  const { key, maxBytes, publish } = options;
  if (key === undefined && maxBytes === undefined) return jsonlSink<T>(path, options);
  if (publish === 'direct')
    throw new InvalidOptionError("jsonl: publish: 'direct' appends to one file; leave out key and maxBytes.");
  return splitSink<T>(path, { key, maxBytes });
}

/** A CSV file as source or sink; or several files, given by a pattern or a list, as a source. As a list, `header` names the
 * columns of a file without a header.
 *
 * Several files must have the same columns, in any order. A row that is read is an object of text, or an array of text with
 * `header: false`. `T` may name the columns. As with `jsonl`, only a stage's `input` schema checks that, and it can give the
 * type too.
 *
 * ```ts
 * pipeline('reviews').from(csv<z.input<typeof Review>>('in.csv')).pipe(map('parse', tidy, { input: Review }))
 * ```
 * @param path relative to the current working directory, or a `file:` URL. `~/` is the home directory. Patterns and lists as
 *   for `jsonl`.
 * @throws {InvalidOptionError} */
export function csv<T extends object = readonly string[]>(
  path: string | URL,
  options: CsvOptions & { readonly header: false },
): FileEndpoint<T>;
export function csv<T extends object = CsvRow>(path: string | URL, options?: CsvOptions): FileEndpoint<T>;
export function csv<T extends object = readonly string[]>(
  paths: readonly (string | URL)[],
  options: CsvSourceOptions & { readonly header: false },
): FileInputEndpoint<T>;
export function csv<T extends object = CsvRow>(
  paths: readonly (string | URL)[],
  options?: CsvSourceOptions,
): FileInputEndpoint<T>;
export function csv(
  path: FileInput,
  options: CsvOptions = {},
): FileInputEndpoint<CsvRow | readonly string[]> & {
  readonly sink?: ReadableSink<CsvRow | readonly string[]>;
} {
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
  return endpoint(csvSource(path, options) as Source<CsvRow | readonly string[]>, path, (output) =>
    csvSink(output, {
      ...options,
      header: named === undefined ? (header as boolean | undefined) : false,
      columns: columns ?? named,
    }),
  );
}

/** @param makeSink called at once, so that wrong options are refused here; of several files, there is no sink. */
function endpoint<T>(
  source: Source<T>,
  path: FileInput,
  makeSink: (path: string | URL) => ReadableSink<T>,
): FileInputEndpoint<T> & { readonly sink?: ReadableSink<T> } {
  if (Array.isArray(path)) return { source };
  const output = path as string | URL;
  if (typeof output !== 'string' || !/[*?]/.test(output)) return { source, sink: makeSink(output) };
  return {
    source,
    get sink(): never {
      throw new InvalidOptionError(
        `${source.kind}(${JSON.stringify(output)}) is a pattern of several files, and cannot be written to. Give one path.`,
      );
    },
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

/** Rebuilds a source from its `describe()`. @throws {InvalidOptionError} if it is not the description of files. */
export function sourceFromDescription(description: Json): Source<unknown> {
  const { kind, path, paths, limit, ...options } = described(description, 'source');
  if (limit !== undefined) {
    const { limit: _, ...whole } = description as JsonObject;
    return limitedSource(
      sourceFromDescription(whole),
      readOption('A stored source', 'limit', wholeNumber(1), limit),
    );
  }
  const input = path ?? paths;
  if (kind === 'jsonl') {
    refuseUnknown('jsonl source', options, ['onMalformed', 'maxLineBytes']);
    return jsonlSource<unknown>(absolutePaths(input), options as JsonlSourceOptions);
  }
  if (kind === 'csv') {
    refuseUnknown('csv source', options, ['onMalformed', 'header', 'delimiter', 'quote', 'maxRecordBytes']);
    return csvSource(absolutePaths(input), options as CsvSourceOptions);
  }
  const letters = describedDeadLetters(description as JsonObject);
  if (letters !== undefined) return deadLetterSource(letters);
  throw unknownKind('source');
}

/** Rebuilds a sink from its `describe()`. @throws {InvalidOptionError} if it is not the description of a file. */
export function sinkFromDescription(description: Json): Sink<unknown> {
  const { kind, path, ...options } = described(description, 'sink');
  if (kind === 'jsonl') {
    refuseUnknown('jsonl sink', options, ['publish']);
    return jsonlSink<unknown>(absolutePath(path, 'sink'), options as JsonlSinkOptions);
  }
  if (kind === 'csv') {
    refuseUnknown('csv sink', options, ['publish', 'delimiter', 'header', 'columns']);
    return csvSink(absolutePath(path, 'sink'), options as CsvSinkOptions) as Sink<unknown>;
  }
  if (kind === 'split') {
    refuseUnknown('split sink', options, ['template', 'isKeyed', 'maxBytes']);
    const { template, isKeyed, maxBytes } = options;
    return storedSplitSink(absolutePath(template, 'sink'), isKeyed === true, maxBytes);
  }
  throw unknownKind('sink');
}

/** The other fields are checked by their users, which throw `InvalidOptionError`. */
function described(description: Json, what: string): { kind: string } & Record<string, unknown> {
  if (!isObject(description)) throw unknownKind(what);
  const { kind } = description;
  if (typeof kind !== 'string') throw unknownKind(what);
  return { ...description, kind };
}

function absolutePaths(input: unknown): string | readonly string[] {
  return Array.isArray(input)
    ? input.map((path) => absolutePath(path, 'source'))
    : absolutePath(input, 'source');
}

function absolutePath(path: unknown, what: string): string {
  if (typeof path === 'string' && isAbsolute(path)) return path;
  throw new InvalidOptionError(`A stored ${what} has no absolute path. Pass the ${what} again.`);
}

function unknownKind(what: string): InvalidOptionError {
  return new InvalidOptionError(`A stored ${what} is of an unknown kind. Pass the ${what} again.`);
}
