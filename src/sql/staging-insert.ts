/** Inserts rows into a staging table: in PostgreSQL one statement for many rows, in SQLite one prepared statement. */
import type { Column } from './columns.js';
import type { Dialect, Transaction } from './connection.js';
import { quoted, type TableName } from './names.js';

/** The column of a staging table that numbers its rows, from 1. */
export const SEQUENCE = '"_xp_seq"';
/** Rows in one statement of PostgreSQL. */
const ROWS_A_STATEMENT = 5_000;

interface Insert {
  readonly staging: TableName;
  readonly columns: readonly Column[];
  readonly rows: readonly object[];
  /** Sequence number of the first row. */
  readonly first: number;
}

export function insertRows(dialect: Dialect, transaction: Transaction, insert: Insert): Promise<void> {
  return dialect === 'postgres' ? insertAsJson(transaction, insert) : insertOneByOne(transaction, insert);
}

async function insertAsJson(
  { query }: Transaction,
  { staging, columns, rows, first }: Insert,
): Promise<void> {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const typed = columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(', ');
  const statement =
    `insert into ${staging.sql} (${names}, ${SEQUENCE}) select ${names}, r.ordinal + $2::bigint ` +
    `from rows from (json_to_recordset($1::text::json) as (${typed})) with ordinality as r(${names}, ordinal)`;
  for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
    const part = rows.slice(from, from + ROWS_A_STATEMENT);
    await query(statement, [JSON.stringify(part), first + from - 1]);
  }
}

async function insertOneByOne(
  { queryEach }: Transaction,
  { staging, columns, rows, first }: Insert,
): Promise<void> {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const places = columns.map(() => '?').join(', ');
  const statement = `insert into ${staging.sql} (${names}, ${SEQUENCE}) values (${places}, ?)`;
  await queryEach(statement, parametersOf(columns, rows, first));
}

function* parametersOf(
  columns: readonly Column[],
  rows: readonly object[],
  first: number,
): Iterable<unknown[]> {
  for (const [i, row] of rows.entries()) {
    const parameters = columns.map(({ name }) => sqliteValue((row as Record<string, unknown>)[name]));
    parameters.push(first + i);
    yield parameters;
  }
}

function sqliteValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'object' ? JSON.stringify(value) : value;
}
