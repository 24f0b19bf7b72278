/** Rows as the text format of PostgreSQL's `COPY`: a line a row, columns between tabs, `\N` for null. */
import type { Column } from './columns.js';

/** Types whose values have one text each. Arrays, composites and types that are not known go as JSON. */
const COPYABLE =
  /^(smallint|integer|bigint|numeric|real|double precision|boolean|text|citext|character|date|time|timestamp|interval|uuid|jsonb?|bytea|inet|cidr)\b/;

export const canCopyColumns = (columns: readonly Column[]): boolean =>
  columns.every(({ type }) => COPYABLE.test(type) && !type.endsWith('[]'));

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] as string) : text;

/** Without its end of line. */
export function copyLine(columns: readonly Column[], row: Readonly<Record<string, unknown>>): string {
  let line = '';
  for (let i = 0; i < columns.length; i++) {
    const { name, takesJson } = columns[i] as Column;
    const text = textOf(row[name], takesJson);
    line += i === 0 ? text : `\t${text}`;
  }
  return line;
}

function textOf(value: unknown, isJson: boolean): string {
  if (value === null || value === undefined) return '\\N';
  if (isJson) return escaped(JSON.stringify(value) ?? 'null');
  switch (typeof value) {
    case 'string':
      return escaped(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'object':
      return value instanceof Date ? value.toISOString() : escaped(JSON.stringify(value));
    default:
      return String(value);
  }
}
