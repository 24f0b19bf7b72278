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
import { PipelineError, PipelineMismatchError, SessionLockedError, SinkError } from '../errors.js';
import { isCount, type JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';
import type { EncodedRows, OpenSink, ReadableSink, Sink, SinkPosition } from '../sinks/sink.js';
import { connectTo, type SqlClient } from './clients/connect.js';
import { type Column, problemOfRow, readColumns } from './columns.js';
import { problemOfQuery, type RunQuery, type SqlConnection } from './connection.js';
import { isMissingTable, Ledger } from './ledger.js';
import { lockKeyOf, quoted, stagingOf, type TableName } from './names.js';
import { type Publish, publishStatements } from './publish-statements.js';
import { insertRows, SEQUENCE } from './staging-insert.js';

/** Bytes of rows that wait for a commit; beyond it they are written early, without a position. */
const SPILL_BYTES = 8 * 1024 * 1024;

export interface TableSinkOptions {
  readonly client: SqlClient;
  readonly name: TableName;
  readonly columns: readonly string[] | undefined;
  readonly publish: Publish;
  readonly deadLetters: (() => Sink<JsonObject>) | undefined;
}

export function tableSink<T extends object>(options: TableSinkOptions): ReadableSink<T> {
  const { client, name, deadLetters } = options;
  return {
    kind: 'table',
    label: `table ${name.text}`,
    describe: () => undefined,
    open: (at, complete, context) => openTable<T>(options, at, complete, context),
    ...(deadLetters && { deadLetters }),
    async discard(_at, { sessionId }) {
      await withConnection(client, `remove the rows of the session from ${name.text}`, async (connection) => {
        const ledger = new Ledger(connection, name, sessionId);
        await connection.query(`drop table if exists ${stagingOf(name, sessionId).sql}`);
        await ledger.remove(connection.query).catch((error: unknown) => {
          if (!isMissingTable(error)) throw error;
        });
      });
    },
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

function asSinkError(what: string, error: unknown): Error {
  if (error instanceof PipelineError) return error;
  return new SinkError(`Cannot ${what}: ${problemOfQuery(error)}.`, { cause: error });
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
    const columns = await fillableColumns(connection, options);
    const ledger = new Ledger(connection, name, sessionId);
    const unlock = await lockSession(connection, name, sessionId);
    try {
      const staging = stagingOf(name, sessionId);
      const entry = await ledger.find(connection.query);
      const table = { connection, name, staging, columns, ledger, publish, unlock };
      if (at !== undefined && complete && entry?.isPublished === true && entry.rows === rows)
        return new OpenTable<T>(table, rows, undefined);
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
  const key = lockKeyOf(name, sessionId);
  const [row] = await connection.query('select pg_try_advisory_lock($1::bigint) as locked', [key]);
  if (row?.locked !== true) throw new SessionLockedError(sessionId, undefined, name.text);
  return async () => {
    await connection.query('select pg_advisory_unlock($1::bigint)', [key]).catch(() => {});
  };
}

/** Creates the staging table, or cuts it back to `rows`. @returns the fence of this opening. */
async function prepareStaging(table: TableParts, rows: number): Promise<number> {
  const { connection, staging, columns, ledger } = table;
  const definitions = columns.map(({ name, type }) => `${quoted(name)} ${type}`);
  return connection.transaction(async ({ query }) => {
    if (rows === 0) {
      await query(`drop table if exists ${staging.sql}`);
      await query(
        `create table ${staging.sql} (${[...definitions, `${SEQUENCE} bigint primary key`].join(', ')})`,
      );
    } else if ((await lastSequence(query, table)) < rows) {
      throw new PipelineMismatchError([goneText(table.name, undefined, rows)], false);
    } else {
      await query(`delete from ${staging.sql} where ${SEQUENCE} > ${rows}`);
    }
    return ledger.takeOver(query, rows);
  });
}

async function lastSequence(query: RunQuery, { staging, name, connection }: TableParts): Promise<number> {
  const [found] = await (connection.dialect === 'postgres'
    ? query('select to_regclass($1) is not null as has', [staging.sql])
    : query('select 1 as has from sqlite_master where name = ?', [staging.table]));
  if (found === undefined || found.has === false)
    throw new PipelineMismatchError([goneText(name, undefined, 0)], false);
  const [row] = await query(`select max(${SEQUENCE}) as last from ${staging.sql}`);
  return Number(row?.last ?? 0);
}

interface TableParts {
  readonly connection: SqlConnection;
  readonly name: TableName;
  readonly staging: TableName;
  readonly columns: readonly Column[];
  readonly ledger: Ledger;
  readonly publish: Publish;
  readonly unlock: () => Promise<void>;
}

class OpenTable<T extends object> implements OpenSink<T> {
  /** Appended; the first `#committed` of them are in the staging table. */
  #rows: number;
  #committed: number;
  #waiting: T[] = [];
  #waitingBytes = 0;
  #failure: Error | undefined;
  #isPublished: boolean;
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly table: TableParts,
    rows: number,
    /** Undefined: it is published already. */
    private readonly fence: number | undefined,
  ) {
    this.#rows = rows;
    this.#committed = rows;
    this.#isPublished = fence === undefined;
  }

  get position(): SinkPosition {
    return this.#positionAt(this.#rows);
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    const { columns, name } = this.table;
    rows.forEach((row, index) => {
      const problem = problemOfRow(columns, row);
      if (problem !== undefined)
        throw new SinkError(
          `Row ${firstIndex + index} of a batch does not fit table ${name.text}: ${problem}.`,
        );
    });
    const text = JSON.stringify(rows);
    return { rows: rows.length, bytes: text.length, data: text };
  }

  append(encoded: readonly EncodedRows[]): Promise<void> {
    return this.#runOperation('write', async () => {
      for (const { rows, bytes, data } of encoded) {
        for (const row of JSON.parse(data as string) as T[]) this.#waiting.push(row);
        this.#waitingBytes += bytes;
        this.#rows += rows;
      }
      if (this.#waitingBytes > SPILL_BYTES) await this.#commit(false);
    });
  }

  flush(): Promise<SinkPosition> {
    const rows = this.#rows;
    if (this.#isPublished) return Promise.resolve(this.#positionAt(rows));
    return this.#runOperation('flush', async () => {
      await this.#commit(true);
      return this.#positionAt(this.#rows);
    });
  }

  publish(): Promise<void> {
    if (this.#isPublished && this.#closed === undefined) return Promise.resolve();
    return this.#runOperation('publish', async (fence) => {
      const { connection, ledger, staging } = this.table;
      await connection.transaction(async ({ query }) => {
        await ledger.setPublished(query, fence);
        for (const statement of publishStatements(connection.dialect, this.table, SEQUENCE))
          await query(statement);
        await query(`drop table ${staging.sql}`);
      });
      this.#isPublished = true;
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#busy.then(async () => {
      await this.table.unlock();
      await this.table.connection.close();
    });
    return this.#closed;
  }

  /** @param isPosition the ledger is to cover the rows. */
  async #commit(isPosition: boolean): Promise<void> {
    const { connection, ledger, staging, columns } = this.table;
    const rows = this.#waiting;
    if (rows.length === 0 && !isPosition) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    await connection.transaction(async (transaction) => {
      if (isPosition) await ledger.advance(transaction.query, this.fence as number, this.#rows);
      await insertRows(connection.dialect, transaction, {
        staging,
        columns,
        rows,
        first: this.#committed + 1,
      });
    });
    this.#committed += rows.length;
  }

  #positionAt(rows: number): SinkPosition {
    return { table: this.table.name.text, rows };
  }

  async #runOperation<R>(verb: string, operation: (fence: number) => Promise<R>): Promise<R> {
    const { name } = this.table;
    const running = this.#busy.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
      const isClosed = this.#closed !== undefined;
      if (isClosed || this.#isPublished || this.fence === undefined)
        throw new SinkError(
          `Cannot ${verb} table ${name.text}: it is ${isClosed ? 'closed' : 'published'} already.`,
        );
      return operation(this.fence);
    });
    this.#busy = running.catch(() => {});
    try {
      return await running;
    } catch (error) {
      this.#failure ??= asSinkError(`${verb} table ${name.text}`, error);
      throw this.#failure;
    }
  }
}
