/** `parquet()` and its options. */
import { InvalidOptionError } from '../errors.js';
import {
  anything,
  optional,
  options,
  readOption,
  readOptions,
  shape,
  whole,
  withDefault,
} from '../formats/shape.js';
import { absolutePath } from '../platform/file-problems.js';
import type { ReadableSink } from '../sinks/sink.js';
import type { Source } from '../sources/source.js';
import { columnTypes, type ParquetType } from './column-types.js';
import { parquetSink } from './parquet-sink.js';
import { parquetSource } from './parquet-source.js';

/** Options of `parquet()`. */
export interface ParquetOptions {
  /** For reading: the names of the columns to read. Default: all. For writing, which needs it: an object from names to types. */
  readonly columns?: readonly string[] | Readonly<Record<string, ParquetType>>;
  /** For writing: rows of a row group, at most; it also ends after about 32 MB. Default 65,536. */
  readonly rowGroupRows?: number;
}

/** A Parquet file as source or sink. */
export interface ParquetEndpoint<T> {
  readonly source: Source<T>;
  /** Throws `InvalidOptionError` without the types of the columns. */
  readonly sink: ReadableSink<T>;
}

const names = shape(
  'a list of column names, or an object from column names to types',
  (value): value is readonly string[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name) => typeof name === 'string' && name !== ''),
);
const OPTIONS = options({
  columns: optional(anything),
  rowGroupRows: withDefault(whole(1, 10_000_000), 65_536),
});

/**
 * A Parquet file as source or sink. Needs the packages `hyparquet`, and `hyparquet-writer` for writing.
 *
 * | column | written from | read as |
 * | --- | --- | --- |
 * | `string`, `boolean`, `double`, `int32` | text, true or false, finite numbers, whole numbers | the same |
 * | `int64` | whole numbers, bigint, digits | a number; digits where a number would lose some |
 * | `decimal(p,s)` | numbers or digits; `p` at most 18 | a number; with `p` above 15 refused |
 * | `date`, `timestamp` | `Date`, ISO text (UTC, milliseconds) | ISO text, with microseconds and nanoseconds if there are any |
 * | `json` | any JSON value | the value |
 * | lists, structs, maps | not written: use `json` | arrays and objects |
 * | bytes | not written | base64 |
 *
 * A column may hold null everywhere. A row with a value that its column cannot keep, or with a field without a column, ends the run.
 * @param path relative to the current working directory, or a `file:` URL. `~/` is the home directory.
 * @throws {InvalidOptionError}
 * @example
 * pipeline('orders')
 *   .from(parquet<{ id: number; total: number }>('in.parquet', { columns: ['id', 'total'] }))
 *   .to(parquet('out.parquet', { columns: { id: 'int64', total: 'decimal(12,2)' } }))
 */
export function parquet<T extends object = Record<string, unknown>>(
  path: string | URL,
  given: ParquetOptions = {},
): ParquetEndpoint<T> {
  const file = absolutePath(path, 'parquet');
  const { columns, rowGroupRows } = readOptions('parquet()', OPTIONS, given);
  const isTyped = typeof columns === 'object' && columns !== null && !Array.isArray(columns);
  const typed = isTyped ? readOption('parquet()', 'columns', columnTypes, columns) : undefined;
  const chosen =
    typed?.map(({ name }) => name) ?? readOption('parquet()', 'columns', optional(names), columns);
  return {
    source: parquetSource<T>(file, chosen),
    get sink() {
      if (typed === undefined)
        throw new InvalidOptionError(
          "parquet(): writing needs the types of the columns, for example columns: { id: 'int64', title: 'string' }.",
        );
      return parquetSink<T>({ path: file, columns: typed, rowGroupRows });
    },
  };
}
