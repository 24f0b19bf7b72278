/**
 * Recognises a client by its shape, and connects to it. The package depends on none of them.
 *
 * | client | connection |
 * | --- | --- |
 * | `pg` Pool | one of the pool's, for as long as the table is open |
 * | `pg` Client, PGlite | the client itself: give each run its own |
 * | `postgres` | a reserved one |
 * | `better-sqlite3`, `libsql`, `node:sqlite` | the database object itself |
 */
import { shape } from '../../formats/shape.js';
import { Lane, type RawConnection, type SqlConnection, serializedConnection } from '../connection.js';
import {
  connectPostgresJs,
  type PgClient,
  type PgPool,
  type PostgresJs,
  pgClientConnection,
  pgPoolConnection,
} from './postgres.js';
import { type SqliteDatabase, sqliteConnection } from './sqlite.js';

/** A client of `pg`, `postgres`, PGlite, `better-sqlite3`, `libsql` or `node:sqlite`. */
export type SqlClient = PgPool | PgClient | PostgresJs | SqliteDatabase;

/** One lane for each client that is one connection. */
const lanes = new WeakMap<object, Lane>();

/** What `client` of a table or a query must be. */
export const clientOption = shape(
  'a client of pg, postgres, PGlite, better-sqlite3, libsql or node:sqlite',
  (client): client is SqlClient =>
    isSqlite(client) || isPostgresJs(client) || isPgPool(client) || isPgClient(client),
);

/** @throws what the client throws when it cannot connect. */
export async function connectTo(client: SqlClient): Promise<SqlConnection> {
  const raw = await rawConnection(client);
  if (isPostgresJs(client) || isPgPool(client)) return serializedConnection(raw, new Lane());
  let lane = lanes.get(client);
  if (lane === undefined) {
    lane = new Lane();
    lanes.set(client, lane);
  }
  return serializedConnection(raw, lane);
}

async function rawConnection(client: SqlClient): Promise<RawConnection> {
  if (isSqlite(client)) return sqliteConnection(client);
  if (isPostgresJs(client)) return connectPostgresJs(client);
  return isPgPool(client) ? pgPoolConnection(client) : pgClientConnection(client);
}

function has(value: unknown, method: string): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Record<string, unknown>)[method] === 'function'
  );
}

function isSqlite(client: unknown): client is SqliteDatabase {
  return has(client, 'prepare') && has(client, 'exec');
}

function isPostgresJs(client: unknown): client is PostgresJs {
  return typeof client === 'function' && has(client, 'reserve') && has(client, 'unsafe');
}

function isPgPool(client: unknown): client is PgPool {
  return has(client, 'connect') && has(client, 'query') && typeof (client as PgPool).totalCount === 'number';
}

function isPgClient(client: unknown): client is PgClient {
  return has(client, 'query');
}
