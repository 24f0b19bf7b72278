/**
 * `table()`: a table of a database as a sink, exactly once (I23).
 *
 * 1. Rows go to a staging table of the session. `publish` moves them to the target in one transaction, which may be
 *    repeated (I19).
 * 2. Rows and position are committed together: `flush` is one transaction of inserts and an update of the ledger.
 * 3. The position is the number of rows. Reopened at an earlier one, the staging table is cut back to it (I7): a checkpoint
 *    may fall back a generation.
 * 4. Each opening raises the fence in the ledger. An older writer is refused at its next commit, on any machine (I10). In
 *    PostgreSQL an advisory lock refuses the later opening as long as the earlier one is connected.
 * 5. A failed transaction is final: whether it was committed is not known (I6). The next opening reads the truth.
 * 6. Transactions are short: rows wait in memory between commits, up to `SPILL_BYTES`.
 */
import { PipelineMismatchError, SessionLockedError, SinkError } from '../errors.js';
import { isCount, type JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';
import type { OpenSink, ReadableSink, Sink, SinkPosition } from '../sinks/sink.js';
import { connectTo, type SqlClient } from './clients/connect.js';
import { type Column, readColumns } from './columns.js';
import type { RunQuery, SqlConnection } from './connection.js';
import { isMissingTable, SessionLedger } from './ledger.js';
import { lockKey, quoted, stagingOf, type TableName } from './names.js';
import { OpenTable, type TableParts } from './open-table.js';
import type { TablePublish } from './publish-statements.js';
import { SEQUENCE } from './staging-insert.js';
import { asSinkError } from './table-errors.js';

export interface TableSinkOptions {
  readonly client: SqlClient;
  readonly name: TableName;
  readonly columns: readonly string[] | undefined;
  readonly publish: TablePublish;
  readonly deadLetters: (() => Sink<JsonObject>) | undefined;
}

export function tableSink<T extends object>(options: TableSinkOptions): ReadableSink<T> {
  const { client, name, deadLetters } = options;
  return {
    kind: 'table',
    label: `table ${name.text}`,
    target: { within: client, name: name.text },
    appends: options.publish !== 'replace',
    describe: () => undefined,
    open: (at, complete, context) => openTable<T>(options, at, complete, context),
    ...(deadLetters && { deadLetters }),
    async discard(_at, { sessionId }) {
      await withConnection(client, `remove the rows of the session from ${name.text}`, async (connection) => {
        const ledger = new SessionLedger(connection, name, sessionId);
        await connection.query(`drop table if exists ${stagingOf(name, sessionId).sql}`);
        await ledger.remove(connection.query).catch((error: unknown) => {
          if (!isMissingTable(error)) throw error;
        });
      });
    },
    isPublished: (at, { sessionId }) =>
      withConnection(client, `read the ledger of ${name.text}`, async (connection) => {
        const entry = await new SessionLedger(connection, name, sessionId).find(connection.query);
        return entry?.isPublished === true && entry.rows === rowsAt(at, name);
      }),
    async *read() {
      const rows = await withConnection(client, `read table ${name.text}`, async (connection) => {
        const columns = await fillableColumns(connection, options);
        const order = connection.dialect === 'sqlite' ? ' order by rowid' : '';
        return connection.query(`select ${columnList(columns)} from ${name.sql}${order}`);
      });
      yield* rows as readonly T[];
    },
  };
}

const columnList = (columns: readonly Column[]): string => columns.map(({ name }) => quoted(name)).join(', ');

async function withConnection<R>(
  client: SqlClient,
  what: string,
  work: (connection: SqlConnection) => Promise<R>,
): Promise<R> {
  let connection: SqlConnection | undefined;
  try {
    connection = await connectTo(client);
    return await work(connection);
  } catch (error) {
    throw asSinkError(what, error);
  } finally {
    await connection?.close();
  }
}

/** The columns that rows fill: those that were named, or all but identities.
 * @throws {SinkError} */
async function fillableColumns(
  connection: SqlConnection,
  { name, columns }: Pick<TableSinkOptions, 'name' | 'columns'>,
): Promise<Column[]> {
  const found = await readColumns(connection, name);
  if (found.length === 0)
    throw new SinkError(
      `There is no table ${name.text} in the database. Create it, then resume or run again.`,
    );
  if (columns === undefined) return found.filter(({ isIdentity }) => !isIdentity);
  return columns.map((column) => {
    const match = found.find((one) => one.name === column);
    if (match !== undefined) return match;
    const has = found.map((one) => one.name).join(', ');
    throw new SinkError(`Table ${name.text} has no column ${column} that rows may fill. It has ${has}.`);
  });
}

/** A commit is on disk when it returns (I6): for this connection, whatever its defaults. */
const DURABLE = {
  postgres:
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
  sqlite: 'pragma synchronous = full',
} as const;

/** The rows of a stored position. @throws {PipelineMismatchError} if it is not one of this table. */
function rowsAt(at: SinkPosition, name: TableName): number {
  const { table, rows } = at;
  if (table === name.text && isCount(rows)) return rows;
  throw new PipelineMismatchError([`the stored position is not one of table ${name.text}`], false);
}

async function openTable<T extends object>(
  options: TableSinkOptions,
  at: SinkPosition | undefined,
  complete: boolean,
  { sessionId }: OpenContext,
): Promise<OpenSink<T>> {
  const { client, name, publish } = options;
  const rows = at === undefined ? 0 : rowsAt(at, name);
  let connection: SqlConnection | undefined;
  try {
    connection = await connectTo(client);
    await connection.query(DURABLE[connection.dialect]);
    const columns = await fillableColumns(connection, options);
    const ledger = new SessionLedger(connection, name, sessionId);
    const unlock = await lockSession(connection, name, sessionId);
    try {
      const staging = stagingOf(name, sessionId);
      const entry = await ledger.find(connection.query);
      const table = { connection, name, staging, columns, ledger, publish, unlock };
      // Of an output without a position: the results of a fold, written anew at each try.
      const isSame = at === undefined ? publish !== 'replace' : entry?.rows === rows;
      if (complete && entry?.isPublished === true && isSame)
        return new OpenTable<T>(table, entry.rows, undefined);
      if (rows > 0 && (entry === undefined || entry.isPublished || entry.rows < rows))
        throw new PipelineMismatchError([goneText(name, entry?.rows, rows)], false);
      await ledger.ensureTable(connection.query);
      const fence = await prepareStaging(table, rows);
      return new OpenTable<T>(table, rows, fence);
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (error) {
    await connection?.close();
    throw asSinkError(`open table ${name.text}`, error);
  }
}

function goneText(name: TableName, has: number | undefined, rows: number): string {
  return has === undefined || has >= rows
    ? `the unpublished rows of table ${name.text} are not in the database any more`
    : `the database holds ${has} unpublished rows of table ${name.text}, and the run had committed ${rows}`;
}

/** Holds a lock that ends with the connection. SQLite has none: there the fence alone decides. */
async function lockSession(
  connection: SqlConnection,
  name: TableName,
  sessionId: string,
): Promise<() => Promise<void>> {
  if (connection.dialect === 'sqlite') return async () => {};
  const key = lockKey(`${sessionId}:${name.text}`);
  const [row] = await connection.query('select pg_try_advisory_lock($1::bigint) as locked', [key]);
  if (row?.locked !== true) throw new SessionLockedError(sessionId, undefined, name.text);
  return async () => {
    await connection.query('select pg_advisory_unlock($1::bigint)', [key]).catch(() => {});
  };
}

/** SQLite: the row id, which needs no index of its own. */
const SEQUENCE_TYPE = { postgres: 'bigint not null', sqlite: 'integer primary key' } as const;

/** Creates the staging table, or cuts it back to `rows`. @returns the fence of this opening. */
async function prepareStaging(table: TableParts, rows: number): Promise<number> {
  const { connection, staging, columns, ledger } = table;
  const definitions = columns.map(({ name, type }) => `${quoted(name)} ${type}`);
  return connection.transaction(async ({ query }) => {
    if (rows === 0) {
      await query(`drop table if exists ${staging.sql}`);
      await query(
        `create table ${staging.sql} (${[...definitions, `${SEQUENCE} ${SEQUENCE_TYPE[connection.dialect]}`].join(', ')})`,
      );
      if (connection.dialect === 'postgres')
        await query(`create index on ${staging.sql} using brin (${SEQUENCE})`);
    } else if (!(await hasRow(query, table, rows))) {
      throw new PipelineMismatchError([goneText(table.name, undefined, rows)], false);
    } else {
      await query(`delete from ${staging.sql} where ${SEQUENCE} > ${rows}`);
    }
    return ledger.takeOver(query, rows);
  });
}

/** Whether the staging table is there, with its row of that number. */
async function hasRow(query: RunQuery, { staging, connection }: TableParts, row: number): Promise<boolean> {
  const [found] = await (connection.dialect === 'postgres'
    ? query('select to_regclass($1) is not null as has', [staging.sql])
    : query('select 1 as has from sqlite_master where name = ?', [staging.table]));
  if (found === undefined || found.has === false) return false;
  const rows = await query(`select 1 from ${staging.sql} where ${SEQUENCE} = ${row}`);
  return rows.length > 0;
}
