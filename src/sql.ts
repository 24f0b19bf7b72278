/**
 * The entry point `xstate-pipeline/sql`: tables of a database as sink and source, over a client that you bring.
 */
export type { SqlClient } from './sql/clients/connect.js';
export type { PostgresJsInput, PostgresJsQuery } from './sql/clients/copy.js';
export type {
  PgClient,
  PgPool,
  PooledPgClient,
  PostgresJs,
  ReservedPostgresJs,
} from './sql/clients/postgres.js';
export type { SqliteDatabase, SqliteStatement } from './sql/clients/sqlite.js';
export type { TablePublish } from './sql/publish-statements.js';
export { type QueryOptions, query } from './sql/query.js';
export { sqlStorage } from './sql/storage/sql-storage.js';
export { type TableOptions, table } from './sql/table.js';
