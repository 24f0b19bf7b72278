/** Clients of PostgreSQL: `pg`, `postgres` and PGlite, by the few methods that are used of each. */

import type { RawConnection, RunQuery, SqlRow } from '../connection.js';
import { type PostgresJsQuery, pgCopy, postgresJsCopy, type RunCopy } from './copy.js';

/** A `Client` of `pg`, or PGlite. It must be connected. */
export interface PgClient {
  /** Runs one statement. */
  query(sql: string, parameters?: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** A `Pool` of `pg`. */
export interface PgPool {
  readonly totalCount: number;
  /** Runs one statement on any connection. */
  query(sql: string, parameters?: unknown[]): Promise<{ readonly rows: unknown[] }>;
  /** Takes a connection out of the pool. */
  connect(): Promise<PooledPgClient>;
}

/** A connection of a `Pool`. */
export interface PooledPgClient extends PgClient {
  /** Returns it to the pool, or destroys it. */
  release(destroy?: boolean): void;
  /** Calls back when the connection is lost. */
  on(event: 'error', listener: () => void): unknown;
  /** Ends that. */
  removeListener(event: 'error', listener: () => void): unknown;
}

/** What the function of `postgres` returns. */
export interface PostgresJs {
  (...parts: never[]): unknown;
  /** Takes a connection out of the pool. */
  reserve(): Promise<ReservedPostgresJs>;
  /** Runs one statement on any connection. */
  unsafe(sql: string, parameters?: never[]): PromiseLike<readonly unknown[]>;
}

/** A reserved connection of `postgres`. */
export interface ReservedPostgresJs {
  /** Runs one statement. */
  unsafe(sql: string, parameters?: never[]): PostgresJsQuery;
  /** Returns it to the pool. */
  release(): void;
}

function connection(query: RunQuery, copy: RunCopy | undefined, release: () => void): RawConnection {
  return {
    dialect: 'postgres',
    begin: 'BEGIN',
    query,
    async queryEach(sql, parameterLists) {
      for (const parameters of parameterLists) await query(sql, parameters);
    },
    copy,
    release,
  };
}

const queryOf =
  (client: PgClient): RunQuery =>
  async (sql, parameters = []) =>
    (await client.query(sql, [...parameters])).rows as SqlRow[];

export const pgClientConnection = (client: PgClient): RawConnection =>
  connection(queryOf(client), pgCopy(client), () => {});

export async function pgPoolConnection(pool: PgPool): Promise<RawConnection> {
  const client = await pool.connect();
  const query = queryOf(client);
  let isBroken = false;
  const observe = <R>(running: Promise<R>): Promise<R> =>
    running.catch((error: unknown) => {
      isBroken = true;
      throw error;
    });
  const observed: RunQuery = (sql, parameters) => observe(query(sql, parameters));
  const copy = pgCopy(client);
  const observedCopy: RunCopy | undefined = copy && ((sql, pieces) => observe(copy(sql, pieces)));
  // Without a listener, a connection that is lost between two statements would end the process.
  const onLost = () => {
    isBroken = true;
  };
  client.on('error', onLost);
  return connection(observed, observedCopy, () => {
    client.removeListener('error', onLost);
    // A connection that failed is not reused: it may be inside a transaction.
    client.release(isBroken);
  });
}

export async function connectPostgresJs(sql: PostgresJs): Promise<RawConnection> {
  const reserved = await sql.reserve();
  const query: RunQuery = async (text, parameters = []) =>
    (await reserved.unsafe(text, [...parameters] as never[])) as readonly SqlRow[];
  return connection(query, postgresJsCopy(reserved), () => reserved.release());
}
