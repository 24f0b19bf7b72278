/** How the rows of a session reach the target: statements of one transaction. */
import type { Column } from './columns.js';
import type { Dialect } from './connection.js';
import { quoted, type TableName } from './names.js';

/** `append` adds the rows; `replace` removes the earlier ones first; `upsert` replaces rows with the same keys, and the last
 * row of a key counts. */
export type TablePublish = 'append' | 'replace' | { readonly upsert: readonly string[] };

interface Published {
  readonly name: TableName;
  readonly staging: TableName;
  readonly columns: readonly Column[];
  readonly publish: TablePublish;
}

/** @param sequence the column of the staging table that numbers the rows */
export function publishStatements(dialect: Dialect, published: Published, sequence: string): string[] {
  const { name, staging, columns, publish } = published;
  const names = columns.map((column) => quoted(column.name)).join(', ');
  const into = `insert into ${name.sql} (${names})`;
  const values = columns.map(publishedValue).join(', ');
  const inOrder = `select ${values} from ${staging.sql} order by ${sequence}`;
  if (publish === 'append') return [`${into} ${inOrder}`];
  if (publish === 'replace') return [`delete from ${name.sql}`, `${into} ${inOrder}`];
  const keys = publish.upsert.map(quoted).join(', ');
  const others = columns.filter((column) => !publish.upsert.includes(column.name));
  const set = others.map((column) => `${quoted(column.name)} = excluded.${quoted(column.name)}`).join(', ');
  const onConflict = `on conflict (${keys}) do ${set === '' ? 'nothing' : `update set ${set}`}`;
  // PostgreSQL refuses to update a row twice in one statement; SQLite needs a WHERE before ON CONFLICT.
  const rows =
    dialect === 'postgres'
      ? `select distinct on (${keys}) ${values} from ${staging.sql} order by ${keys}, ${sequence} desc`
      : `select ${values} from ${staging.sql} where true order by ${sequence}`;
  return [`${into} ${rows} ${onConflict}`];
}

const publishedValue = ({ name, fallback }: Column): string =>
  fallback === undefined ? quoted(name) : `coalesce(${quoted(name)}, ${fallback})`;
