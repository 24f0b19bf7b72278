/** Names of tables and columns, quoted for SQL. */
import { sha256 } from '#sha256';
import { shape } from '../formats/shape.js';

/** A table by its name, with the schema if one was given. */
export interface TableName {
  /** Undefined: the connection's default schema. */
  readonly schema: string | undefined;
  readonly table: string;
  /** Quoted, for SQL. */
  readonly sql: string;
  /** As it was given, for messages and positions. */
  readonly text: string;
}

const MAX_NAME = 100;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const isName = (part: string): boolean => part.trim() !== '' && !/[\u0000-\u001f]/.test(part);

/** What `name` of a table must be. */
export const tableNameOption = shape(
  `a table's name of at most ${MAX_NAME} characters, such as 'orders' or 'shop.orders'`,
  (text): text is string =>
    typeof text === 'string' &&
    text.length <= MAX_NAME &&
    text.split('.').length <= 2 &&
    text.split('.').every(isName),
);

/** `"name"`, so that no name is SQL. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** @param text `orders` or `shop.orders` */
export function tableName(text: string): TableName {
  const [first = '', second] = text.split('.');
  return besideTable(second === undefined ? undefined : first, second ?? first, text);
}

function besideTable(schema: string | undefined, table: string, text: string): TableName {
  const sql = schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;
  return { schema, table, sql, text };
}

/** The table that lists what sessions have written, in the schema of the target. */
export const ledgerOf = ({ schema }: TableName): TableName =>
  besideTable(schema, 'xp_sessions', 'xp_sessions');

/** A session's rows until they are published. At most 48 characters: PostgreSQL cuts names at 63 bytes. */
export function stagingOf({ schema, text }: TableName, sessionId: string): TableName {
  const name = `xp_${sha256(text).slice(0, 12)}_${sessionId.replaceAll('-', '')}`;
  return besideTable(schema, name, name);
}

/** A number for an advisory lock: 63 bits, as text. */
export function lockKey(name: string): string {
  return String(BigInt(`0x${sha256(name).slice(0, 16)}`) >> 1n);
}
