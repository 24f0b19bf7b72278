/** W2 with p-queue: all batches queued at once, the results in order at the end. */
import PQueue from 'p-queue';
import { slotFigures, wait } from '../variants/waiting/w2-waits.mjs';

/** @param {import('../variants/waiting/w2-waits.mjs').WaitParams} params */
export async function run(params) {
  const { waits, batches, concurrency } = params;
  const before = performance.now();
  const queue = new PQueue({ concurrency });
  const results = await queue.addAll(Array.from({ length: batches }, (_, batch) => () => wait(waits, batch)));
  return slotFigures(params, (performance.now() - before) / 1000, results);
}
