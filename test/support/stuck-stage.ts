import { join } from 'node:path';
import { defineStage, pipeline, rows, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';
import { numbers, type Row } from './runs.js';

/** A stage whose batches 4 and later end only when they are aborted, until `free` is called. */
export function stuckStage() {
  const aborted: number[] = [];
  let isStuck = true;
  const stage = defineStage({
    name: 'stuck',
    concurrency: 2,
    process: (batch: Row[], { signal, batch: { index } }): Promise<Row[]> | Row[] => {
      if (!isStuck || index < 4) return batch;
      signal.addEventListener('abort', () => aborted.push(index));
      return new Promise(() => {});
    },
  });
  const free = () => {
    isStuck = false;
  };
  return { stage, aborted, free };
}

/** A pipeline of 100 rows with such a stage, and what manages its sessions, in a folder. */
export function stuckJobs(folder: () => string) {
  const managerOf = () => new StateManager(lowdbStorage(join(folder(), 'state')), { checkpointInterval: 20 });
  const jobOf = (stage: ReturnType<typeof stuckStage>['stage']) =>
    pipeline('job', { batchSize: 10 })
      .from(rows(numbers(100)))
      .pipe(stage)
      .to(jsonl<Row>(join(folder(), 'out.jsonl')));
  return { managerOf, jobOf };
}
