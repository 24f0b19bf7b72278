/** The columns of a table: read from the database, and compared with rows before they are sent. */
import { kindOf } from '../formats/shape.js';
import type { RunQuery, SqlConnection, SqlRow } from './connection.js';
import type { TableName } from './names.js';

/** A column that rows may fill. */
export interface Column {
  readonly name: string;
  /** The database's own name of its type, for casts. */
  readonly type: string;
  readonly isRequired: boolean;
  /** The expression that fills it where a row leaves it out, or has null; undefined: it stays null. */
  readonly fallback: string | undefined;
  /** The database numbers its rows by it. */
  readonly isIdentity: boolean;
  /** Objects and arrays are stored in it, as JSON. */
  readonly takesJson: boolean;
}

/** @returns the columns in order; empty: there is no such table. */
export function readColumns(connection: SqlConnection, table: TableName): Promise<Column[]> {
  return connection.dialect === 'postgres'
    ? postgresColumns(connection.query, table)
    : sqliteColumns(connection.query, table);
}

async function postgresColumns(query: RunQuery, table: TableName): Promise<Column[]> {
  const rows = await query(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
       a.attidentity <> '' as identity, pg_get_expr(d.adbin, d.adrelid) as fallback
     from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     order by a.attnum`,
    [table.sql],
  );
  return rows.map((row) => ({
    name: String(row.name),
    type: String(row.type).toLowerCase(),
    isRequired: row.required === true,
    fallback: row.fallback === null ? undefined : String(row.fallback),
    isIdentity: row.identity === true,
    takesJson: /^jsonb?$|\[\]$/.test(String(row.type)),
  }));
}

async function sqliteColumns(query: RunQuery, table: TableName): Promise<Column[]> {
  const schema = table.schema === undefined ? '' : `${table.schema}`;
  const rows = await query(
    `select name, type, "notnull" as required, dflt_value, pk from pragma_table_xinfo(?${schema === '' ? '' : ', ?'}) where hidden = 0 order by cid`,
    schema === '' ? [table.table] : [table.table, schema],
  );
  const keys = rows.filter(({ pk }) => Number(pk) > 0).length;
  return rows.map((row) => {
    // An INTEGER PRIMARY KEY is the row id: SQLite fills it.
    const isRowId = keys === 1 && Number(row.pk) > 0 && /^integer$/i.test(String(row.type));
    return {
      name: String(row.name),
      type: String(row.type).toLowerCase(),
      isRequired: Number(row.required) === 1,
      // SQLite numbers a row whose id is null.
      fallback: isRowId || row.dflt_value === null ? undefined : String(row.dflt_value),
      isIdentity: false,
      takesJson: /json|text|char|clob|^$/i.test(String(row.type)),
    };
  });
}

/** Why a row does not fit the columns; undefined: it fits. The value is never quoted. */
export function problemOfRow(columns: readonly Column[], row: unknown): string | undefined {
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    return `a row for a table is an object; got ${kindOf(row)}`;
  const fields = row as SqlRow;
  let known = 0;
  for (const column of columns) {
    const value = fields[column.name];
    if (column.name in fields) known++;
    if (value === undefined || value === null) {
      if (column.isRequired && column.fallback === undefined) return `column ${column.name} must not be null`;
      continue;
    }
    const problem = problemOfValue(column, value);
    if (problem !== undefined) return `column ${column.name} is ${column.type}: ${problem}`;
  }
  if (known === Object.keys(fields).length) return undefined;
  const names = new Set(columns.map(({ name }) => name));
  const extra = Object.keys(fields).find((name) => !names.has(name));
  return `the table has no column ${JSON.stringify(String(extra).slice(0, 60))} that rows may fill`;
}

/** Larger integers have lost digits before they get here. */
const isWhole = (value: unknown) =>
  Number.isSafeInteger(value) || (isText(value) && /^-?\d{1,19}$/.test(value));
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown) =>
  Number.isFinite(value) || (isText(value) && value.trim() !== '' && Number.isFinite(Number(value)));

function problemOfValue({ type, takesJson }: Column, value: unknown): string | undefined {
  if (takesJson && (typeof value === 'object' || /json/.test(type))) return undefined;
  const expected = (what: string) => `expected ${what}; got ${kindOf(value)}`;
  if (/^(small|big|tiny|medium)?int|^integer/.test(type))
    return isWhole(value) ? undefined : expected('a whole number');
  if (/^(numeric|decimal|real|double|float)/.test(type))
    return isNumber(value) ? undefined : expected('a number');
  if (/^bool/.test(type))
    return typeof value === 'boolean' || value === 0 || value === 1 ? undefined : expected('true or false');
  if (/char|text|clob|^citext/.test(type)) {
    if (!isText(value)) return expected('a text');
    return value.includes('\0') ? 'a text with the character NUL cannot be stored' : undefined;
  }
  if (/^(date|time)/.test(type))
    return isText(value) || value instanceof Date ? undefined : expected('a date as text');
  return undefined;
}
