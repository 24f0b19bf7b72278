/**
 * One connection to a database: the port between the tables of this room and the clients that a user brings.
 *
 * 1. A transaction is short: it begins and ends within one call, so that no connection is idle in a transaction.
 * 2. Transactions and queries of one connection never interleave.
 * 3. A connection of a pool is returned at `close`; a client that the user passed stays open.
 */
import { isObject } from '../formats/json.js';

/** The SQL of a database family. */
export type Dialect = 'postgres' | 'sqlite';

/** A row of a result: values by column. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Runs one statement. Parameters are `$1`, `$2` … in PostgreSQL, and `?` in SQLite. */
export type RunQuery = (sql: string, parameters?: readonly unknown[]) => Promise<readonly SqlRow[]>;

/** Statements within a transaction. */
export interface Transaction {
  readonly query: RunQuery;
  /** Runs one statement once for each list of parameters. */
  queryEach(sql: string, parameterLists: Iterable<readonly unknown[]>): Promise<void>;
  /** Runs `COPY … FROM STDIN` over these pieces of text. Undefined: the client cannot. */
  readonly copy: ((sql: string, pieces: readonly string[]) => Promise<void>) | undefined;
}

/** A connection of one table or query. */
export interface SqlConnection {
  readonly dialect: Dialect;
  readonly query: RunQuery;
  /** Its transactions have `copy`. */
  readonly canCopy: boolean;
  /** Runs `work` in one transaction, and commits it. What `work` throws rolls it back. */
  transaction<R>(work: (transaction: Transaction) => Promise<R>): Promise<R>;
  close(): Promise<void>;
}

/** What a client adapter provides: statements in the order in which they are sent. */
export interface RawConnection extends Transaction {
  readonly dialect: Dialect;
  /** Begins a transaction that will write. */
  readonly begin: string;
  release(): Promise<void> | void;
}

/** Serialises what is sent: a statement of one user never lands in a transaction of another. */
export function serializedConnection(raw: RawConnection, lane: Lane): SqlConnection {
  return {
    dialect: raw.dialect,
    canCopy: raw.copy !== undefined,
    query: (sql, parameters) => lane.run(() => raw.query(sql, parameters)),
    transaction: (work) =>
      lane.run(async () => {
        await raw.query(raw.begin);
        try {
          const result = await work(raw);
          await raw.query('COMMIT');
          return result;
        } catch (error) {
          await raw.query('ROLLBACK').catch(() => {});
          throw error;
        }
      }),
    close: async () => raw.release(),
  };
}

/** Runs operations one after the other. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  run<R>(operation: () => Promise<R>): Promise<R> {
    const running = this.#last.then(operation);
    this.#last = running.then(
      () => {},
      () => {},
    );
    return running;
  }
}

/** What a database said, without the values that its messages may quote: they can be rows. */
export function problemOfQuery(error: unknown): string {
  if (!isObject(error)) return 'the database refused it';
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' ? message : 'the database refused it';
  const unquoted = text.replace(/: ".*$/s, '').replace(/'(?:[^']|'')*'/g, "'…'");
  const short = unquoted.length > 200 ? `${unquoted.slice(0, 200)}…` : unquoted;
  return typeof code === 'string' && code !== '' ? `${short} (${code})` : short;
}
