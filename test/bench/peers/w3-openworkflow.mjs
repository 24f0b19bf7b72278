/** W3 with OpenWorkflow: a workflow a batch, three steps each, in PostgreSQL (its sqlite backend needs Node 22). */
import { OpenWorkflow } from 'openworkflow';
import { BackendPostgres } from 'openworkflow/postgres';
import { batchRows, check, perform, STEPS, stepClock } from '../variants/waiting/w3-steps.mjs';
import { startPostgres } from './servers.mjs';

/** @param {{ dir: string, batches: number, rows: number, concurrency: number }} params */
export async function run({ dir, batches, rows, concurrency }) {
  const server = await startPostgres(`${dir}/postgres`);
  const backend = await BackendPostgres.connect(server.url);
  const client = new OpenWorkflow({ backend });
  const results = new Map();
  let finish = () => {};
  const finished = new Promise((done) => (finish = done));
  const workflow = client.defineWorkflow({ name: 'batch' }, async ({ input, step }) => {
    let held = batchRows(input.batch, rows);
    for (let number = 1; number <= STEPS; number++) {
      const taken = held;
      held = await step.run({ name: `step${number}` }, async () => perform(number, taken));
    }
    results.set(input.batch, held);
    if (results.size === batches) finish();
  });
  for (let batch = 0; batch < batches; batch++) await workflow.run({ batch });
  const worker = client.newWorker({ concurrency });
  const stop = stepClock(batches);
  await worker.start();
  await finished;
  const figures = stop();
  check(results, batches);
  await worker.stop();
  await backend.stop();
  await server.stop();
  return figures;
}
