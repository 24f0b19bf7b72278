/**
 * `sqlStorage()` keeps the contracts of storages and journals on a real server, and a run is resumed by another "machine": a
 * process that shares nothing with the first but the database.
 */
import pg from 'pg';
import postgresJs from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, defineStage, pipeline, rows, StateManager } from 'xstate-pipeline';
import type { SqlClient } from '../../src/sql/clients/connect.js';
import { sqlStorage } from '../../src/sql/storage/sql-storage.js';
import { table } from '../../src/sql/table.js';
import { journalContract } from '../../src/testing/contracts/journal.js';
import { storageContract } from '../../src/testing/contracts/storage.js';
import { type PostgresServer, postgresFolder, startPostgres } from './postgres.mjs';

const SESSION = '0f8fad5b-d9cb-469f-a165-70867728950e';
const runner = { describe, it: test };

describe.skipIf(postgresFolder === undefined)('PostgreSQL', () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let sql: postgresJs.Sql;
  beforeAll(async () => {
    server = await startPostgres();
    const at = { host: server.folder, user: server.user, database: 'postgres' };
    pool = new pg.Pool({ ...at, max: 20 });
    pool.on('error', () => {});
    sql = postgresJs({ ...at, onnotice: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await sql.end();
    await server.stop();
  });
  const empty = () => pool.query('drop table if exists xp_checkpoints, xp_journal');
  const clients: Record<string, () => SqlClient> = { 'pg Pool': () => pool, postgres: () => sql };

  for (const [name, clientOf] of Object.entries(clients)) {
    storageContract(
      name,
      async () => {
        await empty();
        return () => sqlStorage(clientOf());
      },
      runner,
    );
    journalContract(
      name,
      async () => {
        await empty();
        return { open: (epoch) => sqlStorage(clientOf()).journal(SESSION, epoch) };
      },
      runner,
    );
  }

  test('a run that failed on one machine is resumed on another, and pays for nothing twice', async () => {
    await pool.query('create table results (id integer primary key)');
    const invoked: number[] = [];
    const load = (isBroken: boolean) => {
      const paid = defineStage({
        name: 'paid',
        durable: true,
        process: async (batch: { id: number }[]) => {
          if (isBroken && batch[0]?.id === 30) throw new Error('the machine is on fire');
          invoked.push(...batch.map(({ id }) => id));
          return batch;
        },
      });
      const input = Array.from({ length: 60 }, (_, id) => ({ id }));
      return pipeline('load', { batchSize: 5 })
        .from(rows(input))
        .pipe(paid)
        .to(table({ client: pool, name: 'results' }));
    };
    const machine = () => new StateManager(sqlStorage(pool), { checkpointInterval: 20 });
    await expect(load(true).run({ stateManager: machine() })).rejects.toThrow('the machine is on fire');
    const result = await load(false).run({ stateManager: machine(), resume: 'last' });
    expect(result.success).toBe(true);
    expect(invoked.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, id) => id));
    expect((await pool.query('select count(*)::int as rows from results')).rows).toEqual([{ rows: 60 }]);
  });

  test('an owner that loses its connection loses its lock, and can write nothing more', async () => {
    const storage = sqlStorage(pool);
    const other = sqlStorage(sql);
    const lock = await storage.lock(SESSION, {});
    await storage.write(SESSION, '1');
    await expect(other.lock(SESSION, {})).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    await pool.query(
      "select pg_terminate_backend(pid, 20000) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()",
    );
    const next = await other.lock(SESSION, {});
    await expect(storage.write(SESSION, '2')).rejects.toMatchObject({ code: 'CHECKPOINT_WRITE' });
    await other.write(SESSION, '3');
    await lock.release();
    await next.release();
    expect((await other.read(SESSION))?.generations[0]?.text).toBe('3');
  });

  test('two machines at once: the second is refused', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let started = () => {};
    const hasStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    const slow = defineStage({
      name: 'slow',
      process: async (batch: number[]) => {
        started();
        await gate;
        return batch;
      },
    });
    const job = () =>
      pipeline('job')
        .from(rows([1, 2]))
        .pipe(slow)
        .to(collect());
    const first = job().run({ stateManager: new StateManager(sqlStorage(pool)) });
    await hasStarted;
    const second = job().run({
      stateManager: new StateManager(sqlStorage(sql)),
      resume: first.sessionId as string,
    });
    await expect(second).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    release();
    expect((await first).success).toBe(true);
  });
});

test.each([
  ['a single connection', { query: async () => ({ rows: [] }) }],
  ['SQLite', { prepare() {}, exec() {} }],
])('%s is refused with the reason', (_, client) => {
  expect(() => sqlStorage(client as never)).toThrow('sqlStorage() takes a pool of pg, or postgres');
});
