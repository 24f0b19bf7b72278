/** `query()` and its options. */
import { options, readOptions, type Shape, ShapeError, shape } from '../formats/shape.js';
import type { Source } from '../sources/source.js';
import { clientOption, type SqlClient } from './clients/connect.js';
import { querySource } from './query-source.js';

/** Options of `query()`. */
export interface QueryOptions {
  /** Of `pg`, `postgres`, PGlite, `better-sqlite3`, `libsql` or `node:sqlite`. Of a pool, the query uses one connection. */
  readonly client: SqlClient;
  /** A `select` without parameters, `order by`, `limit` or a semicolon at its end. */
  readonly sql: string;
  /** The columns that order the rows: together unique, never null, and indexed if the table is large. */
  readonly key: string | readonly string[];
}

const selectStatement = shape(
  'a select statement without a semicolon',
  (value): value is string =>
    typeof value === 'string' && /^\s*(select|with)\b/i.test(value) && !/;\s*$/.test(value),
);
const KEY = 'a column name, or a list of them';
const isColumn = (value: unknown): value is string => typeof value === 'string' && value !== '';
const keyOption: Shape<readonly string[]> = {
  expected: KEY,
  read(value, path) {
    if (isColumn(value)) return [value];
    if (Array.isArray(value) && value.length > 0 && value.every(isColumn)) return value;
    throw new ShapeError(`${path} must be ${KEY}`);
  },
};

const OPTIONS = options({ client: clientOption, sql: selectStatement, key: keyOption });

/**
 * The rows of a query as a source. They are read in pages, in the order of `key`; a resume continues behind the last key.
 * Rows that are inserted behind it meanwhile are read; rows that are changed before it are not read again.
 * @throws {InvalidOptionError}
 * @example
 * pipeline('label').from(query({ client: pool, sql: 'select id, title from products', key: 'id' }))
 */
export function query<T extends object = Record<string, unknown>>(given: QueryOptions): Source<T> {
  return querySource<T>(readOptions('query()', OPTIONS, given));
}
