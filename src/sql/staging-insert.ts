/**
 * Inserts rows into a staging table: in PostgreSQL by `COPY`, or by one statement over JSON where the client or the columns do not allow
 * it; in SQLite by a prepared statement.
 */
import type { EncodedRows } from '../sinks/sink.js';
import type { Column } from './columns.js';
import type { Transaction } from './connection.js';
import { copyLine } from './copy-text.js';
import { quoted, type TableName } from './names.js';

/** The column of a staging table that numbers its rows, from 1. */
export const SEQUENCE = '"_xp_seq"';
/** Characters of rows in one statement of PostgreSQL. */
const STATEMENT_CHARACTERS = 2_000_000;
/** Characters of rows in one message of `COPY`. */
const PIECE_CHARACTERS = 64 * 1024;
/** What a value in memory is counted as: SQLite gets values, and no text is made of them. */
const BYTES_A_VALUE = 24;

/** How rows reach a staging table: lines for `COPY`, JSON for one statement, or values for a prepared statement. */
export type InsertForm = 'copy' | 'json' | 'values';

/** A batch: lines of `COPY`, JSON without its brackets, or rows. */
export type RowsToInsert =
  | { readonly lines: readonly string[] }
  | { readonly json: string; readonly rows: number }
  | readonly object[];

export function encodeRows(
  form: InsertForm,
  columns: readonly Column[],
  rows: readonly object[],
): EncodedRows {
  if (form === 'values')
    return { rows: rows.length, bytes: rows.length * columns.length * BYTES_A_VALUE, data: rows.slice() };
  if (form === 'copy') {
    const lines = rows.map((row) => copyLine(columns, row as Readonly<Record<string, unknown>>));
    return { rows: rows.length, bytes: lines.reduce((sum, line) => sum + line.length, 0), data: { lines } };
  }
  const json = JSON.stringify(rows).slice(1, -1);
  return { rows: rows.length, bytes: json.length, data: { json, rows: rows.length } };
}

interface Insert {
  readonly staging: TableName;
  readonly columns: readonly Column[];
  readonly parts: readonly RowsToInsert[];
  /** Sequence number of the first row. */
  readonly first: number;
}

export async function insertRows(transaction: Transaction, insert: Insert): Promise<void> {
  let { first } = insert;
  let texts: string[] = [];
  let characters = 0;
  let waiting = 0;
  const insertTexts = async () => {
    if (waiting > 0) await insertAsJson(transaction, insert, `[${texts.join(',')}]`, first);
    first += waiting;
    texts = [];
    characters = 0;
    waiting = 0;
  };
  const lines: string[] = [];
  for (const part of insert.parts) {
    if ('lines' in part) {
      for (const line of part.lines) lines.push(line);
    } else if (!('json' in part)) {
      await insertOneByOne(transaction, insert, part, first);
      first += part.length;
    } else if (part.rows > 0) {
      texts.push(part.json);
      characters += part.json.length;
      waiting += part.rows;
      if (characters > STATEMENT_CHARACTERS) await insertTexts();
    }
  }
  await insertTexts();
  if (lines.length > 0) await copyLines(transaction, insert, lines, first);
}

async function copyLines(
  { copy }: Transaction,
  { staging, columns }: Insert,
  lines: readonly string[],
  first: number,
): Promise<void> {
  const names = [SEQUENCE, ...columns.map(({ name }) => quoted(name))].join(', ');
  const pieces: string[] = [];
  let piece = '';
  for (const [i, line] of lines.entries()) {
    piece += `${first + i}\t${line}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    pieces.push(piece);
    piece = '';
  }
  pieces.push(piece);
  await copy?.(`copy ${staging.sql} (${names}) from stdin`, pieces);
}

async function insertAsJson(
  { query }: Transaction,
  { staging, columns }: Insert,
  json: string,
  first: number,
): Promise<void> {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const typed = columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(', ');
  const statement =
    `insert into ${staging.sql} (${names}, ${SEQUENCE}) select ${names}, r.ordinal + $2::bigint ` +
    `from rows from (json_to_recordset($1::text::json) as (${typed})) with ordinality as r(${names}, ordinal)`;
  await query(statement, [json, first - 1]);
}

async function insertOneByOne(
  { queryEach }: Transaction,
  { staging, columns }: Insert,
  rows: readonly object[],
  first: number,
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
