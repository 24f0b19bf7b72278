/** `table()` and its options. */
import { optional, options, readOptions, type Shape, ShapeError, shape } from '../formats/shape.js';
import type { ReadableSink } from '../sinks/sink.js';
import { clientOption, type SqlClient } from './clients/connect.js';
import { deadLetterTable } from './dead-letter-table.js';
import { tableName, tableNameOption } from './names.js';
import type { TablePublish } from './publish-statements.js';
import { tableSink } from './table-sink.js';

/** Options of `table()`. */
export interface TableOptions {
  /** Of `pg`, `postgres`, PGlite, `better-sqlite3`, `libsql` or `node:sqlite`. Of a pool, the table uses one connection. */
  readonly client: SqlClient;
  /** Of an existing table: `orders` or `shop.orders`. */
  readonly name: string;
  /** Columns that rows fill. Default: all but generated ones and identities. A column that a row leaves out gets its default. */
  readonly columns?: readonly string[];
  /** What becomes of the rows when the run completes. Default `append`. */
  readonly publish?: TablePublish;
}

const columnNames = shape(
  'a list of column names',
  (value): value is readonly string[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name) => typeof name === 'string' && name !== ''),
);

const PUBLISH = "'append', 'replace' or { upsert: [keys] }";
const publishOption: Shape<TablePublish> = {
  expected: PUBLISH,
  read(value = 'append', path) {
    if (value === 'append' || value === 'replace') return value;
    const { upsert } = value as { readonly upsert?: unknown };
    if (columnNames.fits(upsert)) return { upsert };
    throw new ShapeError(`${path} must be ${PUBLISH}`);
  },
};

const OPTIONS = options({
  client: clientOption,
  name: tableNameOption,
  columns: optional(columnNames),
  publish: publishOption,
});

/**
 * A table of a database as a sink, exactly once: rows and position are committed together, and the target changes in one
 * transaction, when the run completes. Until then, rows are in a staging table beside it (`xp_…`); the table `xp_sessions`
 * lists sessions.
 *
 * A row is an object: a value for each column, no others. Rows that do not fit end the run.
 * @throws {InvalidOptionError}
 * @example
 * pipeline('import').from(csv('orders.csv')).to(table({ client: pool, name: 'orders', publish: { upsert: ['id'] } }))
 */
export function table<T extends object = Record<string, unknown>>(given: TableOptions): ReadableSink<T> {
  const { client, name, columns, publish } = readOptions('table()', OPTIONS, given);
  return tableSink<T>({
    ...{ client, columns, publish, name: tableName(name) },
    deadLetters: () => deadLetterTable(client, tableName(`${name}_dead_letters`)),
  });
}
