/** Makes the recording of W9: a run of single-row batches, cut off after so many events of its machines. */
import { existsSync, writeFileSync } from 'node:fs';
import { collect, memoryStorage, PipelineExecutor, rows, StateManager } from 'xstate-pipeline';
import { stages } from '../variants/replay/w9-stages.mjs';

/** @param {string} path @param {{ events: number, concurrency: number }} size */
export async function makeRecording(path, { events, concurrency }) {
  if (existsSync(path)) return;
  const executor = new PipelineExecutor(stages(concurrency), new StateManager(memoryStorage()));
  /** @type {string[]} */
  const kept = [];
  let counted = 0;
  executor.record({
    write(line) {
      if (counted >= events) return;
      kept.push(line);
      if (isEvent(line)) counted += 1;
    },
  });
  const source = rows(function* () {
    for (let n = 0; counted < events; n++) yield { n };
  });
  await executor.execute({ name: 'recorded', source, sink: collect(), options: { batchSize: 1 } });
  writeFileSync(path, kept.join(''));
}

/** A step that an event led to, not one that followed from another. @param {string} line */
const isEvent = (line) => /^\{"k":"s"/i.test(line) && !line.includes('"e":null,');
