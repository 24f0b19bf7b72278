/** The databases of the tests, behind one small face. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import pg from 'pg';
import postgresJs from 'postgres';
import type { SqlClient } from '../../src/sql/clients/connect.js';
import { postgresFolder, startPostgres } from './postgres.js';

/** A database, and a client of it to test. */
export interface TestDatabase {
  readonly client: SqlClient;
  /** Over a connection of its own, where there are several. */
  run(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Ends a transaction that a lost connection would have ended. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export const CLIENTS = ['libsql', 'pg Pool', 'pg Client', 'postgres'] as const;
export type ClientName = (typeof CLIENTS)[number];

export const isPresent = (name: ClientName): boolean => name === 'libsql' || postgresFolder !== undefined;

export function openSqlite(path: string): TestDatabase {
  const database = new Database(path);
  return {
    client: database,
    async run(sql) {
      if (/^select/.test(sql)) return database.prepare(sql).all() as Record<string, unknown>[];
      database.exec(sql);
      return [];
    },
    reset: async () => {
      if (database.inTransaction) database.exec('rollback');
    },
    close: async () => {
      database.close();
    },
  };
}

export async function openDatabase(name: ClientName): Promise<TestDatabase> {
  if (name !== 'libsql') return openPostgres(name);
  const folder = mkdtempSync(join(tmpdir(), 'xp-sqlite-'));
  const database = openSqlite(join(folder, 'test.db'));
  return {
    ...database,
    async close() {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Over a server that the caller ends. */
export function openPostgresAt(at: pg.ClientConfig): TestDatabase {
  const pool = new pg.Pool({ ...at, max: 20 });
  // The server may end first.
  pool.on('error', () => {});
  return {
    client: pool,
    run: async (text) => (await pool.query(text)).rows,
    reset: async () => {},
    close: () => pool.end(),
  };
}

async function openPostgres(name: Exclude<ClientName, 'libsql'>): Promise<TestDatabase> {
  const server = await startPostgres();
  const at = { host: server.folder, user: server.user, database: 'postgres' };
  const database = openPostgresAt(at);
  const single = new pg.Client(at);
  const sql = postgresJs({ ...at, onnotice: () => {} });
  if (name === 'pg Client') await single.connect();
  const client = { 'pg Pool': database.client, 'pg Client': single, postgres: sql }[name] as SqlClient;
  return {
    client,
    run: database.run,
    async reset() {
      await single.query('rollback');
      await single.query('select pg_advisory_unlock_all()');
    },
    async close() {
      await database.close();
      if (name === 'pg Client') await single.end();
      await sql.end();
      await server.stop();
    },
  };
}
