/** W2 by hand: one loop per slot, each taking the next batch; every result is kept until the end. */
import { slotFigures, wait } from './w2-waits.mjs';

/** @param {import('./w2-waits.mjs').WaitParams} params */
export async function run(params) {
  const { waits, batches, concurrency } = params;
  const before = performance.now();
  /** @type {number[]} */
  const results = new Array(batches);
  let next = 0;
  const lane = async () => {
    while (next < batches) {
      const batch = next++;
      results[batch] = await wait(waits, batch);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return slotFigures(params, (performance.now() - before) / 1000, results);
}
