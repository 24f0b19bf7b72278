/** W3 with DBOS: a workflow a batch, three steps each, in PostgreSQL. */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { batchRows, check, inLanes, perform, STEPS, stepClock } from '../variants/waiting/w3-steps.mjs';
import { startPostgres } from './servers.mjs';

/** @param {{ dir: string, batches: number, rows: number, concurrency: number }} params */
export async function run({ dir, batches, rows, concurrency }) {
  const server = await startPostgres(`${dir}/postgres`);
  DBOS.setConfig({
    ...{ name: 'w3', systemDatabaseUrl: server.url.replace(/postgres$/, 'w3_system'), logLevel: 'error' },
    ...{ runAdminServer: false, systemDatabasePoolSize: concurrency + 4 },
  });
  const workflow = DBOS.registerWorkflow(
    async (batch) => {
      let held = batchRows(batch, rows);
      for (let step = 1; step <= STEPS; step++) {
        const taken = held;
        held = await DBOS.runStep(async () => perform(step, taken), { name: `step${step}` });
      }
      return held;
    },
    { name: 'batch' },
  );
  await DBOS.launch();
  const results = new Map();
  const stop = stepClock(batches);
  await inLanes(batches, concurrency, async (batch) => {
    const handle = await DBOS.startWorkflow(workflow)(batch);
    results.set(batch, await handle.getResult());
  });
  const figures = stop();
  check(results, batches);
  await DBOS.shutdown();
  await server.stop();
  return figures;
}
