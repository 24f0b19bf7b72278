/** W3 with ours: three durable stages, and the result in a file. */
import { readFileSync } from 'node:fs';
import { defineStage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { checkpointFigures } from '../../harness/checkpoint-figures.mjs';
import { batchRows, check, perform, stepClock } from './w3-steps.mjs';

/** @param {{ dir: string, batches: number, rows: number, concurrency: number, counted?: boolean }} params */
export async function run({ dir, batches, rows, concurrency, counted = false }) {
  const output = `${dir}/out.jsonl`;
  function* source() {
    for (let batch = 0; batch < batches; batch++) yield* batchRows(batch, rows);
  }
  /** @param {number} step */
  const stage = (step) =>
    defineStage({
      ...{ name: `step ${step}`, durable: true, concurrency },
      process: (/** @type {import('./w3-steps.mjs').Row[]} */ taken) => perform(step, taken),
    });
  const checkpoints = checkpointFigures();
  const stop = stepClock(batches);
  await pipeline('W3', { batchSize: rows })
    .from(source())
    .pipe(stage(1))
    .pipe(stage(2))
    .pipe(stage(3))
    .to(jsonl(output))
    .run({ stateDir: `${dir}/state`, ...(counted ? { observers: [checkpoints.observer] } : {}) });
  const figures = stop();
  checkFile(output, batches, rows);
  return { ...figures, ...(counted ? checkpoints.figures() : {}) };
}

/** @param {string} output @param {number} batches @param {number} rows */
function checkFile(output, batches, rows) {
  const written = readFileSync(output, 'utf8').trimEnd().split('\n');
  const first = new Map(
    Array.from({ length: batches }, (_, i) => [i, [JSON.parse(String(written[i * rows]))]]),
  );
  check(first, batches);
}
