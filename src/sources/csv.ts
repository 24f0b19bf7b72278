/**
 * CSV from a file, after RFC 4180: quotes, doubled quotes, line ends within quotes, LF, CRLF or a lone CR as record end,
 * a byte order mark. All values are text.
 *
 * The header is read again at every opening. It is at the beginning of the file, so that takes constant time.
 */
import { InvalidOptionError, SourceError } from '../errors.js';
import { loadCsvParser } from '../formats/csv/csv-libraries.js';
import { type CsvDialect, csvDialect, forEachCsvRecord } from '../formats/csv/csv-records.js';
import { CsvScanner } from '../formats/csv/csv-scanner.js';
import { maxBytes, RecordReader, type RecordReaderOptions } from '../formats/record-reader.js';
import { type RecordPosition, Records } from '../formats/records.js';
import { readOption } from '../formats/shape.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import { type FileInput, InputFiles } from './file-input.js';
import { type DecodeRecords, FileSource, openForReading } from './file-source.js';
import { malformedPolicy } from './malformed-policy.js';
import { openInput } from './many-files.js';
import type { MalformedPolicy, Source, SourcePosition } from './source.js';

/** Column name to value. */
export type CsvRow = Readonly<Record<string, string>>;

/** How CSV is read. */
export interface CsvSourceOptions {
  /** True: the first record names the columns. A list: these are the columns, and the first record is a row. False: rows
   * are arrays of text, of any length. Default true. */
  readonly header?: boolean | readonly string[] | undefined;
  /** One ASCII character, for example ';' or '\t'. Default ','. */
  readonly delimiter?: string | undefined;
  /** One ASCII character, or false for none. Default '"'. */
  readonly quote?: string | false | undefined;
  /** What happens to a record with wrong quotes or another number of columns. Default 'fail'. */
  readonly onMalformed?: MalformedPolicy | undefined;
  /** A longer record fails the run, so that it cannot fill the memory. Bytes, default 64 MiB. */
  readonly maxRecordBytes?: number | undefined;
}

/** @param path a path, a pattern, or a list of both; relative to the current working directory, or a `file:` URL.
 * @param blockBytes bytes of one read; for tests.
 * @throws {InvalidOptionError} */
export function csvSource(
  path: FileInput,
  options: CsvSourceOptions & { readonly header: false },
  blockBytes?: number,
): Source<readonly string[]>;
export function csvSource(
  path: FileInput,
  options?: CsvSourceOptions & { readonly header?: true | readonly string[] | undefined },
  blockBytes?: number,
): Source<CsvRow>;
export function csvSource(
  path: FileInput,
  options?: CsvSourceOptions,
  blockBytes?: number,
): Source<CsvRow> | Source<readonly string[]>;
export function csvSource(
  path: FileInput,
  options: CsvSourceOptions = {},
  blockBytes?: number,
): Source<CsvRow> | Source<readonly string[]> {
  const input = new InputFiles(path, 'csv');
  const dialect = csvDialect(options);
  const onMalformed = malformedPolicy(options.onMalformed, 'csv');
  const header = headerOption(options.header);
  const maxRecordBytes = readOption('csv', 'maxRecordBytes', maxBytes, options.maxRecordBytes);
  const readingWith = (columns: number, file = input.label): RecordReaderOptions => ({
    path: file,
    makeScanner: () => new CsvScanner(dialect, columns),
    maxRecordBytes,
    blockBytes,
  });
  const common: Pick<Source<never>, 'kind' | 'onMalformed' | 'isReadOnce' | 'describe' | 'prepareRaw'> = {
    kind: 'csv',
    onMalformed,
    isReadOnce: input.isStandardInput,
    describe: () =>
      input.isStandardInput
        ? undefined
        : {
            kind: 'csv',
            ...input.describe(),
            onMalformed,
            header,
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            maxRecordBytes,
          },
    prepareRaw: loadCsvParser,
  };
  if (header === false) {
    const decode = arraysOf(dialect);
    const openFile = async (file: string, from: SourcePosition | undefined, context: OpenContext) => {
      await loadCsvParser();
      const opened = await openForReading(file, context);
      const first = await readFirstRecord(opened[0], readingWith(0, file), dialect);
      const reading = readingWith(first.problem === undefined ? first.fields.length : 0, file);
      return FileSource.open(opened, from, { reading, decode });
    };
    const arrays: Source<readonly string[]> = {
      ...common,
      open: (at, context) => openInput(input, at, context, (file, from) => openFile(file, from, context)),
      decodeRaw: (raw, row, malformed) => decode(Records.of(readingWith(0, raw.file), raw), row, malformed),
    };
    return arrays;
  }
  const openFile = async (file: string, from: SourcePosition | undefined, context: OpenContext) => {
    await loadCsvParser();
    const opened = await openForReading(file, context);
    const { columns, start } =
      header === true
        ? await readHeader(opened[0], readingWith(0, file), dialect, options.delimiter !== undefined)
        : { columns: header, start: undefined };
    const reading = readingWith(columns.length, file);
    return FileSource.open(opened, from, { reading, decode: objectsOf(dialect, columns), start, columns });
  };
  const objects: Source<CsvRow> = {
    ...common,
    open: (at, context) => openInput(input, at, context, (file, from) => openFile(file, from, context)),
    decodeRaw(raw, row, malformed) {
      const { columns = [], file } = raw;
      objectsOf(dialect, columns)(Records.of(readingWith(columns.length, file), raw), row, malformed);
    },
  };
  return objects;
}

function headerOption(header: unknown = true): boolean | readonly string[] {
  if (typeof header === 'boolean') return header;
  if (!Array.isArray(header) || header.length === 0 || !header.every((name) => typeof name === 'string')) {
    throw new InvalidOptionError('csv: header must be true, false or a list of column names.');
  }
  const problem = columnsProblem(header);
  if (problem !== undefined) throw new InvalidOptionError(`csv: header: ${problem}.`);
  return header;
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

interface FirstRecord {
  readonly fields: readonly string[];
  readonly problem: string | undefined;
  /** Behind the record; undefined if the file has none. */
  readonly end: RecordPosition | undefined;
}

/** Closes the handle if it throws. @throws {SourceError} */
async function readFirstRecord(
  handle: FileHandle,
  reading: RecordReaderOptions,
  dialect: CsvDialect,
): Promise<FirstRecord> {
  const reader = new RecordReader(handle, { bytes: 0, rows: 0, lines: 0 }, reading);
  try {
    const records = await reader.read(1, 1);
    let fields: readonly string[] = [];
    let problem: string | undefined;
    if (records !== undefined)
      forEachCsvRecord(
        records,
        dialect,
        (found) => {
          fields = found;
        },
        (what) => {
          problem = what;
        },
      );
    return { fields, problem, end: records?.position };
  } catch (error) {
    await reader.settle();
    await handle.close().catch(() => {});
    throw new SourceError(`Cannot read the first record of ${reading.path}: ${problemOf(error)}.`, {
      cause: error,
    });
  } finally {
    await reader.settle();
  }
}

async function readHeader(
  handle: FileHandle,
  reading: RecordReaderOptions,
  dialect: CsvDialect,
  isDelimiterGiven: boolean,
): Promise<{ readonly columns: readonly string[]; readonly start: RecordPosition | undefined }> {
  const { fields, problem, end } = await readFirstRecord(handle, reading, dialect);
  const what = problem ?? columnsProblem(fields) ?? (isDelimiterGiven ? undefined : delimiterHint(fields));
  if (what === undefined) return { columns: fields, start: end && { ...end, rows: 0 } };
  await handle.close().catch(() => {});
  throw new SourceError(`${reading.path}: the header cannot be used: ${what}.`);
}

/** A header of one column that other files would separate into several. */
function delimiterHint(fields: readonly string[]): string | undefined {
  const [only = ''] = fields;
  if (fields.length !== 1) return undefined;
  const found = [';', '\t', '|'].find((character) => only.includes(character));
  if (found === undefined) return undefined;
  const name = JSON.stringify(found);
  return `it has one column, with ${name} in its name. Give delimiter: ${name}, or delimiter: "," if that is right`;
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
          const found = fields.length === 1 ? '1 column' : `${fields.length} columns`;
          return malformed(records.malformed(index, `${found} instead of ${count}`));
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
