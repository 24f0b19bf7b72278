/** The databases of the tests, behind one small face. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import pg from 'pg';
import postgresJs from 'postgres';
import type { SqlClient } from '../../src/sql/clients/connect.js';
import { postgresFolder, startPostgres } from '../support/postgres.js';

/** A database, and a client of it to test. */
export interface TestDatabase {
  readonly client: SqlClient;
  /** Over a connection of its own, where there are several. */
  run(sql: string): Promise<readonly Record<string, unknown>[]>;
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

async function openPostgres(name: Exclude<ClientName, 'libsql'>): Promise<TestDatabase> {
  const server = await startPostgres();
  const at = { host: server.folder, user: server.user, database: 'postgres' };
  const pool = new pg.Pool({ ...at, max: 20 });
  const single = new pg.Client(at);
  const sql = postgresJs({ ...at, onnotice: () => {} });
  if (name === 'pg Client') await single.connect();
  return {
    client: { 'pg Pool': pool, 'pg Client': single, postgres: sql }[name] as SqlClient,
    run: async (text) => (await pool.query(text)).rows,
    async close() {
      await pool.end();
      if (name === 'pg Client') await single.end();
      await sql.end();
      await server.stop();
    },
  };
}
