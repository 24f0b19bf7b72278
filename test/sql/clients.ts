/** The databases of the tests, behind one small face. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import pg from 'pg';
import postgresJs from 'postgres';
import type { SqlClient } from '../../src/sql/clients/connect.js';
import { type PostgresServer, postgresFolder, startPostgres } from './postgres.mjs';

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

/** Opens databases, all of PostgreSQL's on one server. */
export class TestDatabases {
  #server: Promise<PostgresServer> | undefined;
  #opened: TestDatabase[] = [];

  async open(name: ClientName): Promise<TestDatabase> {
    const database = name === 'libsql' ? this.#openSqlite() : await this.#openPostgres(name);
    this.#opened.push(database);
    return database;
  }

  async close(): Promise<void> {
    for (const database of this.#opened) await database.close();
    await (await this.#server)?.stop();
  }

  #openSqlite(): TestDatabase {
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

  async #openPostgres(name: Exclude<ClientName, 'libsql'>): Promise<TestDatabase> {
    this.#server ??= startPostgres();
    const { folder: host, user } = await this.#server;
    const template = openPostgresAt({ host, user, database: 'postgres' });
    const database = `d${this.#opened.length}`;
    await template.run(`create database ${database}`);
    await template.close();
    return openPostgres(name, { host, user, database });
  }
}

/** Over a server that the caller ends. */
export function openPostgresAt(at: pg.ClientConfig): TestDatabase {
  const pool = new pg.Pool({ ...at, max: 10 });
  // The server may end first.
  pool.on('error', () => {});
  return {
    client: pool,
    run: async (text) => (await pool.query(text)).rows,
    reset: async () => {},
    close: () => pool.end(),
  };
}

async function openPostgres(
  name: Exclude<ClientName, 'libsql'>,
  at: { readonly host: string; readonly user: string; readonly database: string },
): Promise<TestDatabase> {
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
    },
  };
}
