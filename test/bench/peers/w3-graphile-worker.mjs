/**
 * W3 with graphile-worker: a task a step; its result is the payload of the next step's job, the last one a row of a table.
 * Tuned as its documentation says: a local queue, jobs completed in groups.
 */
import { Logger, makeWorkerUtils, run as startWorker } from 'graphile-worker';
import pg from 'pg';
import { batchRows, check, perform, STEPS, stepClock } from '../variants/waiting/w3-steps.mjs';
import { startPostgres } from './servers.mjs';

const quiet = new Logger(() => () => {});

/** @param {{ dir: string, batches: number, rows: number, concurrency: number }} params */
export async function run({ dir, batches, rows, concurrency }) {
  const server = await startPostgres(`${dir}/postgres`);
  // Idle connections report the end of the server.
  const pgPool = new pg.Pool({ connectionString: server.url, max: Math.min(64, concurrency + 4) });
  pgPool.on('error', () => {});
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('create table results (batch int primary key, rows jsonb)');
  const options = {
    ...{
      pgPool,
      noHandleSignals: true,
      logger: quiet,
    },
    ...{ concurrency, pollInterval: 100 },
    preset: { worker: { localQueue: { size: concurrency * 2 }, completeJobBatchDelay: 0 } },
  };
  let completed = 0;
  let finish = () => {};
  const finished = new Promise((done) => (finish = done));
  const task = (step) => async (payload, helpers) => {
    const held = perform(step, payload.rows);
    if (step < STEPS)
      return void (await helpers.addJob(`step${step + 1}`, { batch: payload.batch, rows: held }));
    await helpers.query('insert into results values ($1, $2)', [payload.batch, JSON.stringify(held)]);
    completed += 1;
    if (completed === batches) finish();
  };
  const taskList = Object.fromEntries(Array.from({ length: STEPS }, (_, i) => [`step${i + 1}`, task(i + 1)]));
  const utils = await makeWorkerUtils({ pgPool, logger: quiet });
  await utils.migrate();
  for (let batch = 0; batch < batches; batch++)
    await utils.addJob('step1', { batch, rows: batchRows(batch, rows) });
  const stop = stepClock(batches);
  const runner = await startWorker({ ...options, taskList });
  await finished;
  const figures = stop();
  await runner.stop();
  const stored = await client.query('select batch, rows from results');
  check(new Map(stored.rows.map((row) => [row.batch, row.rows])), batches);
  await utils.release();
  await client.end();
  await pgPool.end();
  await server.stop();
  return figures;
}
