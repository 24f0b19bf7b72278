/**
 * An open Parquet file: its footer, and the rows of one row group at a time, as JSON values.
 *
 * Dates and times are ISO text with all their digits, 64-bit integers are text where a number would lose digits, bytes without a text
 * type are base64. What no JSON value keeps is refused when the file is opened.
 */
import type { AsyncBuffer, FileMetaData, ParquetParsers, SchemaElement } from 'hyparquet';
import { sha256 } from '#sha256';
import { PipelineError, SourceError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { problemOf } from '../platform/file-problems.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import { messageOf } from '../platform/thrown.js';
import { loadReader } from './peers.js';

const FOOTER_END = 8;
/** Digits that a number keeps. */
const MAX_DECIMAL_DIGITS = 15;
const UNREADABLE = ['BSON', 'INTERVAL'];

export class ParquetFile {
  private constructor(
    readonly handle: FileHandle,
    readonly metadata: FileMetaData,
    /** Of the footer, which describes every row group. */
    readonly hash: string,
    /** Names that are read, in order. */
    readonly columns: readonly string[],
    private readonly file: AsyncBuffer,
    private readonly path: string,
  ) {}

  /** @param columns names; undefined: all.
   * @throws {SourceError} */
  static async open(
    path: string,
    fileSystem: FileSystem | undefined,
    columns: readonly string[] | undefined,
  ): Promise<ParquetFile> {
    if (fileSystem === undefined) throw new SourceError(`${path}: there are no files in this environment.`);
    const { parquetMetadataAsync } = await loadReader(SourceError);
    let handle: FileHandle | undefined;
    try {
      handle = await fileSystem.open(path, 'read');
      const file = await bufferOf(handle);
      const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
        throw new SourceError(
          `${path} is not a Parquet file, or was cut off: ${messageOf(cause)}. Write the file again.`,
          { cause },
        );
      });
      const length = Math.min(file.byteLength, metadata.metadata_length + FOOTER_END);
      const footer = await readAt(handle, file.byteLength - length, length);
      const names = chosenColumns(path, metadata, columns);
      return new ParquetFile(handle, metadata, sha256(footer).slice(0, 32), names, file, path);
    } catch (error) {
      await handle?.close();
      if (error instanceof PipelineError) throw error;
      throw new SourceError(`Cannot open ${path}: ${problemOf(error)}.`, { cause: error });
    }
  }

  get rows(): number {
    return Number(this.metadata.num_rows);
  }

  /** Rows of each row group. */
  get groups(): readonly number[] {
    return this.metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  }

  /** The rows of a row group. @throws {SourceError} */
  async readGroup(group: number): Promise<readonly Record<string, unknown>[]> {
    const { parquetReadObjects } = await loadReader(SourceError);
    const start = this.groups.slice(0, group).reduce((sum, rows) => sum + rows, 0);
    try {
      const found = await parquetReadObjects({
        ...{ file: this.file, metadata: this.metadata, columns: [...this.columns] },
        ...{ rowStart: start, rowEnd: start + (this.groups[group] as number) },
        ...{ utf8: false, parsers: PARSERS },
      });
      return found.map((row) => jsonValue(row) as Record<string, unknown>);
    } catch (cause) {
      throw new SourceError(`Cannot read row group ${group} of ${this.path}: ${messageOf(cause)}.`, {
        cause,
      });
    }
  }
}

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = await readAt(handle, start, end - start);
      // A copy in memory of its own: views of it are kept.
      return new Uint8Array(bytes).buffer;
    },
  };
}

/** @throws {SourceError} for a column that is not there, and for one whose values would not be kept. */
function chosenColumns(
  path: string,
  { schema }: FileMetaData,
  columns: readonly string[] | undefined,
): readonly string[] {
  const top = topColumns(schema);
  const names = columns ?? top.map(({ name }) => name);
  for (const name of names) {
    const column = top.find((one) => one.name === name);
    if (column === undefined) {
      const has = top.map((one) => one.name).join(', ');
      throw new SourceError(`${path} has no column ${name}. It has ${has}.`);
    }
    for (const element of column.elements) {
      const problem = problemOfElement(element);
      if (problem !== undefined)
        throw new SourceError(
          `${path}: column ${name} is ${problem}. Choose other columns with \`columns\`.`,
        );
    }
  }
  return names;
}

interface TopColumn {
  readonly name: string;
  /** It and all below. */
  readonly elements: readonly SchemaElement[];
}

/** The schema is a tree in depth-first order, the root first. */
function topColumns(schema: readonly SchemaElement[]): readonly TopColumn[] {
  const columns: TopColumn[] = [];
  for (let i = 1; i < schema.length; ) {
    const begin = i;
    for (let left = 1; left > 0; left--, i++) left += schema[i]?.num_children ?? 0;
    columns.push({ name: (schema[begin] as SchemaElement).name, elements: schema.slice(begin, i) });
  }
  return columns;
}

function problemOfElement({
  converted_type,
  precision = 0,
  logical_type,
}: SchemaElement): string | undefined {
  if (converted_type !== undefined && UNREADABLE.includes(converted_type))
    return `of type ${converted_type}, which cannot be read`;
  const digits = logical_type?.type === 'DECIMAL' ? logical_type.precision : precision;
  return converted_type === 'DECIMAL' && digits > MAX_DECIMAL_DIGITS
    ? `a decimal of ${digits} digits, and a number keeps ${MAX_DECIMAL_DIGITS}`
    : undefined;
}

const PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (ms) => timestamp(ms, 1_000n, 0),
  timestampFromMicroseconds: (micros) => timestamp(micros, 1_000_000n, 6),
  timestampFromNanoseconds: (nanos) => timestamp(nanos, 1_000_000_000n, 9),
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, -14),
};

/** @param digits of the fraction; milliseconds are enough where the rest is zero. */
function timestamp(value: bigint, perSecond: bigint, digits: number): string {
  const perMs = perSecond / 1_000n;
  const ms = value / perMs - (value % perMs < 0n ? 1n : 0n);
  const rest = value - ms * perMs;
  const text = new Date(Number(ms)).toISOString();
  return rest === 0n ? text : `${text.slice(0, -1)}${String(rest).padStart(digits - 3, '0')}Z`;
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value !== 'object' || value === null) return value === undefined ? null : value;
  if (Array.isArray(value)) return value.map(jsonValue);
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, jsonValue);
  if (value instanceof Date) return value.toISOString();
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]));
}
