/**
 * CSV to a file, after RFC 4180 with LF as record end. Compressed, if the name ends in `.gz` or `.zst`.
 *
 * 1. The columns are those of the first appended row, unless the options give them. Every later row must fit them. A resumed
 *    run reads them again from the header, and so writes the same ones (I7). A result without rows has a header only if the
 *    options give the columns; otherwise it is an empty file.
 * 2. A value is quoted if reading it back would otherwise give another one, lone CR and byte order mark included.
 */
import { InvalidOptionError, PipelineMismatchError } from '../errors.js';
import type { Compressor } from '../formats/compressed/compress.js';
import { decompress } from '../formats/compressed/compression.js';
import { CsvEncoder, type CsvForm } from '../formats/csv/csv-encoder.js';
import { loadCsvParser, loadCsvWriter } from '../formats/csv/csv-libraries.js';
import { csvDialect, csvFields, forEachCsvRecord } from '../formats/csv/csv-records.js';
import { CsvScanner } from '../formats/csv/csv-scanner.js';
import type { JsonObject } from '../formats/json.js';
import { MAX_RECORD_BYTES } from '../formats/record-reader.js';
import { flag, readOption, withDefault } from '../formats/shape.js';
import { absolutePath } from '../platform/file-problems.js';
import { deadLetterPath } from './dead-letter-path.js';
import { compressorFor, FileSink, ofOneFile, publishOption, type WrittenBytes } from './file-sink.js';
import { jsonlSink } from './jsonl.js';
import { readPublished } from './read-published.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from './sink.js';
import { STANDARD_OUTPUT, StandardOutput, standardOutput } from './standard-output.js';
import type { Publish } from './written-file.js';

/** How CSV is written. */
export interface CsvSinkOptions {
  /** In order. Default: the keys of the first row. Give them if the file must have a header even without rows. */
  readonly columns?: readonly string[] | undefined;
  /** Whether the first record names the columns. Default true. If false, give `columns`, or rows that are arrays. */
  readonly header?: boolean | undefined;
  /** One ASCII character. Default ','. */
  readonly delimiter?: string | undefined;
  /** As for JSON Lines: 'rename' or 'direct'. Default 'rename'. */
  readonly publish?: Publish | undefined;
}

/** Rows are objects of values, or arrays if the columns are known otherwise. Numbers, booleans and bigints are written as
 * text, null and undefined as nothing, dates after ISO 8601, other objects as JSON. Read back, all values are text.
 * @param path relative to the current working directory, or a `file:` URL.
 * @throws {InvalidOptionError} */
export function csvSink<T extends object = object>(
  path: string | URL,
  options: CsvSinkOptions = {},
): ReadableSink<T> {
  const file = path === '-' ? STANDARD_OUTPUT : absolutePath(path, 'csv');
  const publish = publishOption(options.publish, 'csv');
  const { delimiter } = csvDialect({ delimiter: options.delimiter });
  const header = readOption('csv', 'header', withDefault(flag, true), options.header);
  const columns: unknown = options.columns;
  if (columns !== undefined && !isNames(columns)) {
    throw new InvalidOptionError('csv: columns must be a list of names, each given once.');
  }
  const place = { path: file, publish };
  const form: CsvForm = { path: file, delimiter, header, columns };
  if (path === '-')
    return standardOutput<T>(async (at, context) => {
      await loadCsvWriter();
      return new OpenCsvSink<T>(
        form,
        StandardOutput.open(at),
        (chunks) => chunks,
        undefined,
        context.columns,
      );
    });
  return {
    kind: 'csv',
    label: file,
    describe: () => ({ kind: 'csv', path: file, publish, delimiter, header, ...(columns && { columns }) }),
    async open(at, complete, context) {
      await loadCsvWriter();
      const compress = compressorFor(file);
      const opened = await FileSink.open(place, at, complete, context);
      try {
        const header = await readHeader(form, opened, at);
        return new OpenCsvSink<T>(form, opened, compress, header, context.columns);
      } catch (error) {
        await opened.close();
        throw error;
      }
    },
    // Never 'direct': it begins in the middle of a run, and nothing refers to it before the next checkpoint.
    deadLetters: () => jsonlSink<JsonObject>(deadLetterPath(file)),
    ...ofOneFile(place),
    read: (context) => readRows(form, context) as AsyncIterable<T>,
  };
}

function isNames(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((name) => typeof name === 'string') && new Set(value).size === value.length;
}

async function* readRows(
  form: CsvForm,
  context: Parameters<ReadableSink<object>['read']>[0],
): AsyncGenerator<Record<string, string> | readonly string[]> {
  await loadCsvParser();
  const dialect = csvDialect({ delimiter: form.delimiter });
  const reading = {
    path: form.path,
    makeScanner: () => new CsvScanner(dialect, form.columns?.length ?? 0),
    maxRecordBytes: MAX_RECORD_BYTES,
  };
  let columns = form.header ? undefined : form.columns;
  for await (const records of readPublished(context, reading)) {
    const rows: (Record<string, string> | readonly string[])[] = [];
    forEachCsvRecord(
      records,
      dialect,
      (fields) => {
        if (form.header && columns === undefined) columns = fields;
        else if (columns === undefined) rows.push(fields);
        else rows.push(Object.fromEntries(columns.map((name, i) => [name, fields[i] ?? ''])));
      },
      (what, index) => {
        throw records.malformed(index, what);
      },
    );
    yield* rows;
  }
}

interface WrittenHeader {
  /** Undefined: nothing more is written. */
  readonly columns: readonly string[] | undefined;
  readonly bytes: number;
}

/** The header of a file that an earlier opening began. */
async function readHeader(
  form: CsvForm,
  file: FileSink,
  at: SinkPosition | undefined,
): Promise<WrittenHeader | undefined> {
  if (at === undefined || !form.header || file.bytes === 0) return undefined;
  const { header: bytes } = at;
  const mismatch = new PipelineMismatchError(
    [`the header of ${form.path} is not what the run had written`],
    false,
  );
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 1 || bytes > file.bytes)
    throw mismatch;
  if (file.published) return { columns: undefined, bytes };
  await loadCsvParser();
  const written = await file.read(0, bytes);
  let columns: readonly string[];
  try {
    const text = new TextDecoder().decode(decompress(written));
    columns = csvFields(text.replace(/\n$/, ''), csvDialect({ delimiter: form.delimiter }));
  } catch {
    throw mismatch;
  }
  if (form.columns !== undefined && form.columns.join('\0') !== columns.join('\0')) {
    throw new PipelineMismatchError([`${form.path} was begun with other columns`], false);
  }
  return { columns, bytes };
}

/** Rows that wait for the columns: batches may be encoded in any order, and the first appended row gives the columns. */
interface Deferred<T> {
  readonly rows: readonly T[];
  readonly firstIndex: number;
}

class OpenCsvSink<T extends object> implements OpenSink<T> {
  readonly #form: CsvForm;
  readonly #file: WrittenBytes;
  readonly #encoder: CsvEncoder;
  readonly #compress: Compressor;
  /** 0: not yet written. */
  #headerBytes: number;

  constructor(
    form: CsvForm,
    file: WrittenBytes,
    compress: Compressor,
    written: WrittenHeader | undefined,
    sourceColumns: readonly string[] | undefined,
  ) {
    this.#form = form;
    this.#file = file;
    this.#encoder = new CsvEncoder(form, written?.columns, sourceColumns);
    this.#headerBytes = written?.bytes ?? 0;
    this.#compress = compress;
  }

  get position(): SinkPosition {
    const position = this.#file.position;
    return this.#form.header ? { ...position, header: this.#headerBytes } : position;
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    if (this.#encoder.columns === undefined && this.#form.header) {
      return { rows: rows.length, bytes: 0, data: { rows: [...rows], firstIndex } satisfies Deferred<T> };
    }
    const chunks = this.#compress([this.#encoder.encode(rows, firstIndex)]);
    return { rows: rows.length, bytes: sizeOf(chunks), data: chunks };
  }

  async append(batches: readonly EncodedRows[]): Promise<void> {
    const chunks: Uint8Array[] = [];
    for (const { data } of batches) {
      if (Array.isArray(data)) chunks.push(...data);
      else {
        const { rows, firstIndex } = data as Deferred<T>;
        chunks.push(...this.#compress([this.#encoder.encode(rows, firstIndex)]));
      }
    }
    await this.#file.append([...this.#takeHeader(), ...chunks]);
  }

  async flush(): Promise<SinkPosition> {
    const header = this.#takeHeader();
    if (header.length > 0) await this.#file.append(header);
    const { position } = this;
    await this.#file.flush();
    return position;
  }

  publish(): Promise<void> {
    return this.#file.publish();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** The header, if it is due now. */
  #takeHeader(): readonly Uint8Array[] {
    const { columns } = this.#encoder;
    if (!this.#form.header || columns === undefined || this.#headerBytes > 0 || this.#file.published)
      return [];
    const header = this.#compress([this.#encoder.encodeHeader(columns)]);
    this.#headerBytes = sizeOf(header);
    return header;
  }
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((bytes, { length }) => bytes + length, 0);
}
