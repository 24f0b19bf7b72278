/**
 * CSV from a file, after RFC 4180: quotes, doubled quotes, line ends within quotes, LF, CRLF or a lone CR as record end,
 * a byte order mark. All values are text.
 *
 * The header is read again at every opening: it stands at the beginning of the file, so that takes constant time.
 */

import { InvalidOptionError, SourceError } from '../errors.js';
import { type CsvDialect, CsvScanner, csvDialect, forEachCsvRecord } from '../formats/csv-records.js';
import {
  MAX_RECORD_BYTES,
  type RecordPosition,
  RecordReader,
  type RecordReaderOptions,
  Records,
} from '../formats/records.js';
import { absolutePath, problemOf } from '../platform/file-problems.js';
import type { FileHandle } from '../platform/file-system.js';
import { type DecodeRecords, FileSource, openForReading } from './file-source.js';
import { malformedPolicy } from './malformed-policy.js';
import type { MalformedPolicy, Source } from './source.js';

/** Column name to value. */
export type CsvRow = Readonly<Record<string, string>>;

/** How CSV is read. */
export interface CsvSourceOptions {
  /** True: the first record names the columns. A list: these are the columns, and the first record is a row. False: rows
   * are arrays of text, of any length. Default true. */
  readonly header?: boolean | readonly string[] | undefined;
  /** One ASCII character. Default ','. */
  readonly delimiter?: string | undefined;
  /** One ASCII character, or false for none. Default '"'. */
  readonly quote?: string | false | undefined;
  /** What a record with wrong quoting or another number of columns does. Default 'fail'. */
  readonly onMalformed?: MalformedPolicy | undefined;
  /** A longer record ends the run, instead of filling the memory. Default 64 MiB. */
  readonly maxRecordBytes?: number | undefined;
}

/** @param path relative to the working directory at this moment, or a `file:` URL.
 * @param blockBytes how much is read at once; for tests.
 * @throws {InvalidOptionError} */
export function csvSource(
  path: string | URL,
  options: CsvSourceOptions & { readonly header: false },
  blockBytes?: number,
): Source<readonly string[]>;
export function csvSource(
  path: string | URL,
  options?: CsvSourceOptions & { readonly header?: true | readonly string[] | undefined },
  blockBytes?: number,
): Source<CsvRow>;
export function csvSource(
  path: string | URL,
  options?: CsvSourceOptions,
  blockBytes?: number,
): Source<CsvRow> | Source<readonly string[]>;
export function csvSource(
  path: string | URL,
  options: CsvSourceOptions = {},
  blockBytes?: number,
): Source<CsvRow> | Source<readonly string[]> {
  const file = absolutePath(path, 'csv');
  const dialect = csvDialect(options);
  const onMalformed = malformedPolicy(options.onMalformed, 'csv');
  const header = options.header ?? true;
  const maxRecordBytes = options.maxRecordBytes ?? MAX_RECORD_BYTES;
  if (!Number.isSafeInteger(maxRecordBytes) || maxRecordBytes < 1) {
    throw new InvalidOptionError('csv: maxRecordBytes has to be a whole number above 0.');
  }
  if (typeof header !== 'boolean') {
    if (!Array.isArray(header) || header.length === 0 || !header.every((name) => typeof name === 'string')) {
      throw new InvalidOptionError('csv: header has to be true, false or a list of column names.');
    }
    const problem = columnsProblem(header);
    if (problem !== undefined) throw new InvalidOptionError(`csv: header: ${problem}.`);
  }
  const reading: RecordReaderOptions = {
    path: file,
    makeScanner: () => new CsvScanner(dialect),
    maxRecordBytes,
    blockBytes,
  };
  const common = {
    kind: 'csv',
    onMalformed,
    describe: () => ({
      kind: 'csv',
      path: file,
      onMalformed,
      header,
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      maxRecordBytes,
    }),
  };
  if (header === false) {
    return {
      ...common,
      open: async (at, context) =>
        FileSource.open(await openForReading(file, context), at, reading, arraysOf(dialect)),
      decodeRaw: decodeWith(reading, () => arraysOf(dialect)),
    };
  }
  return {
    ...common,
    async open(at, context) {
      const opened = await openForReading(file, context);
      const { columns, start } =
        header === true
          ? await readHeader(opened[0], reading, dialect)
          : { columns: header, start: undefined };
      return FileSource.open(opened, at, reading, objectsOf(dialect, columns), start, { columns });
    },
    decodeRaw: decodeWith(reading, (columns) => objectsOf(dialect, columns)),
  };
}

function decodeWith<T>(
  reading: RecordReaderOptions,
  decoderOf: (columns: readonly string[]) => DecodeRecords<T>,
): NonNullable<Source<T>['decodeRaw']> {
  return (raw, row, malformed) => decoderOf(raw.columns ?? [])(Records.of(reading, raw), row, malformed);
}

function columnsProblem(columns: readonly string[]): string | undefined {
  const seen = new Map<string, number>();
  for (const [index, name] of columns.entries()) {
    const earlier = seen.get(name);
    if (earlier !== undefined)
      return `columns ${earlier + 1} and ${index + 1} have the same name; rename one`;
    seen.set(name, index);
  }
  return undefined;
}

async function readHeader(
  handle: FileHandle,
  reading: RecordReaderOptions,
  dialect: CsvDialect,
): Promise<{ readonly columns: readonly string[]; readonly start: RecordPosition | undefined }> {
  const reader = new RecordReader(handle, { bytes: 0, rows: 0, lines: 0 }, reading);
  try {
    const records = await reader.read(1, 1);
    if (records === undefined) return { columns: [], start: undefined };
    let columns: readonly string[] = [];
    let problem: string | undefined;
    forEachCsvRecord(
      records,
      dialect,
      (fields) => {
        columns = fields;
        problem = columnsProblem(fields);
      },
      (what) => {
        problem = what;
      },
    );
    if (problem !== undefined)
      throw new SourceError(`${reading.path}: the header cannot be used: ${problem}.`);
    return { columns, start: { ...records.position, rows: 0 } };
  } catch (error) {
    await reader.settle();
    await handle.close().catch(() => {});
    if (error instanceof SourceError) throw error;
    throw new SourceError(`Cannot read the header of ${reading.path}: ${problemOf(error)}.`, {
      cause: error,
    });
  } finally {
    await reader.settle();
  }
}

function arraysOf(dialect: CsvDialect): DecodeRecords<readonly string[]> {
  return (records, row, malformed) =>
    forEachCsvRecord(
      records,
      dialect,
      (fields) => row(fields),
      (what, index) => malformed(records.malformed(index, what)),
    );
}

function objectsOf(dialect: CsvDialect, columns: readonly string[]): DecodeRecords<CsvRow> {
  const count = columns.length;
  const hasProto = columns.includes('__proto__');
  return (records, row, malformed) =>
    forEachCsvRecord(
      records,
      dialect,
      (fields, index) => {
        if (fields.length !== count) {
          const columns = fields.length === 1 ? '1 column' : `${fields.length} columns`;
          const what = `${columns} where there should be ${count}`;
          return malformed(records.malformed(index, what));
        }
        // A plain assignment to __proto__ would be lost.
        if (hasProto) return row(Object.fromEntries(columns.map((name, i) => [name, fields[i] as string])));
        const value: Record<string, string> = {};
        for (let i = 0; i < count; i++) value[columns[i] as string] = fields[i] as string;
        row(value);
      },
      (what, index) => malformed(records.malformed(index, what)),
    );
}
