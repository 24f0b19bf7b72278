/** The program that the test bundles for a browser and runs with the globals of a browser only. */
import { collect, map, memoryStorage, PipelineExecutor, rows, StateManager } from 'xstate-pipeline';
import * as browser from 'xstate-pipeline/browser';
import * as machines from 'xstate-pipeline/machines';
import * as recording from 'xstate-pipeline/recording';
import * as storage from 'xstate-pipeline/storage';

export async function run() {
  const executor = new PipelineExecutor([map('double', (n) => n * 2)], new StateManager(memoryStorage()));
  const result = await executor.execute({ name: 'browser', source: rows([1, 2, 3]), sink: collect() });
  return JSON.stringify({
    rows: await result.data.toArray(),
    entries: [browser, machines, recording, storage].map((entry) => Object.keys(entry).length > 0),
  });
}
