/**
 * W3 with BullMQ: one job a batch, going through its steps as BullMQ's "process step jobs" pattern does: each result is
 * written with `job.updateData`, and awaited, before the next step. The jobs are in Redis before the clock starts.
 */
import { Queue, Worker } from 'bullmq';
import { batchRows, check, perform, STEPS, stepClock } from '../variants/waiting/w3-steps.mjs';
import { startRedis } from './servers.mjs';

/** @param {{ dir: string, batches: number, rows: number, concurrency: number, appendfsync: 'always' | 'everysec' }} params */
export async function run({ dir, batches, rows, concurrency, appendfsync }) {
  const { stop: stopServer, ...connection } = await startRedis(`${dir}/redis`, appendfsync);
  const queue = new Queue('w3', { connection });
  for (let first = 0; first < batches; first += 100) {
    const some = Array.from({ length: Math.min(100, batches - first) }, (_, i) => first + i);
    await queue.addBulk(
      some.map((batch) => ({ name: 'batch', data: { batch, step: 0, rows: batchRows(batch, rows) } })),
    );
  }
  const results = new Map();
  const stop = stepClock(batches);
  const figures = await new Promise((done, fail) => {
    const work = async (job) => {
      let { batch, step, rows: held } = job.data;
      while (step < STEPS) {
        held = perform(step + 1, held);
        step += 1;
        await job.updateData({ batch, step, rows: held });
      }
      results.set(batch, held);
    };
    const worker = new Worker('w3', work, { connection, concurrency });
    let completed = 0;
    worker.on('failed', (_, error) => fail(error));
    worker.on('error', fail);
    worker.on('completed', () => {
      completed += 1;
      if (completed === batches) worker.close().then(() => done(figuresAtEnd));
      if (completed === batches) figuresAtEnd = stop();
    });
    let figuresAtEnd;
  });
  check(results, batches);
  await queue.close();
  await stopServer();
  return figures;
}
