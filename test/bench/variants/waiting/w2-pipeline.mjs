/** W2 with ours: one row a batch, checkpoints on, output in order. */
import { collect, defineStage, pipeline } from 'xstate-pipeline';
import { slotFigures, wait } from './w2-waits.mjs';

/** @param {import('./w2-waits.mjs').WaitParams} params */
export async function run(params) {
  const { waits, batches, concurrency, dir } = params;
  const source = Array.from({ length: batches }, (_, batch) => batch);
  const before = performance.now();
  const result = await pipeline('W2', { batchSize: 1 })
    .from(source)
    .pipe(
      defineStage({
        ...{ name: 'wait', concurrency },
        process: async (/** @type {number[]} */ rows, { batch }) => {
          await wait(waits, batch.index);
          return rows;
        },
      }),
    )
    .to(collect())
    .run({ stateDir: `${dir}/state` });
  const seconds = (performance.now() - before) / 1000;
  return slotFigures(params, seconds, await result.data.toArray());
}
