/** A PostgreSQL server that ends at once in the middle of a run, and comes back: the run fails, and its session resumes (I23). */
import pg from 'pg';
import { expect, test } from 'vitest';
import { defineStage, memoryStorage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { table } from '../../src/sql/table.js';
import { postgresFolder, startPostgres } from './postgres.mjs';

const INPUT = Array.from({ length: 60 }, (_, id) => ({ id }));

test.skipIf(postgresFolder === undefined)('a server that ends during a run costs no row', async () => {
  const server = await startPostgres();
  const pool = new pg.Pool({ host: server.folder, user: server.user, database: 'postgres' });
  pool.on('error', () => {});
  try {
    await pool.query('create table t (id integer primary key)');
    const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 10 });
    const lossAt = 30;
    const stage = defineStage({
      name: 'loss',
      process: async (batch: { id: number }[]) => {
        if (batch.some(({ id }) => id === lossAt) && !hasEnded) {
          hasEnded = true;
          await server.kill();
        }
        return batch;
      },
    });
    let hasEnded = false;
    const load = pipeline('load', { batchSize: 5 })
      .from(rows(INPUT))
      .pipe(stage)
      .to(table({ client: pool, name: 't' }));
    await expect(load.run({ stateManager })).rejects.toMatchObject({
      code: 'SINK',
      message: expect.not.stringContaining('\n'),
    });
    await server.start();
    const result = await load.run({ stateManager, resume: 'last' });
    expect(result.success).toBe(true);
    expect((await pool.query('select id from t order by id')).rows).toEqual(INPUT);
  } finally {
    await pool.end();
    await server.stop();
  }
});
