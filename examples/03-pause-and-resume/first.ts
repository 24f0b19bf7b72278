/** The first process: starts the run, pauses after twenty batches, prints the receipt and exits. */
import { fileURLToPath } from 'node:url';
import { PipelineExecutor, StateManager } from 'xstate-pipeline';
import { lowdbStorage } from 'xstate-pipeline/node';
import zipCodes from './pipeline.ts';

const sessions = fileURLToPath(new URL('../../out/pause/sessions', import.meta.url));
const executor = new PipelineExecutor(zipCodes.stages, new StateManager(lowdbStorage(sessions)));

const twentyBatches = new Promise<void>((resolve) => {
  executor.addObserver({
    next: (event) => event.type === 'batch.completed' && event.batch === 19 && resolve(),
  });
});
void executor.execute(zipCodes);
await twentyBatches;
const receipt = await executor.pause();
console.log('paused', JSON.stringify(receipt));
process.exit(0);
