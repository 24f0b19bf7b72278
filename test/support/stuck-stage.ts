import { defineStage } from 'xstate-pipeline';
import type { Row } from './runs.js';

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
