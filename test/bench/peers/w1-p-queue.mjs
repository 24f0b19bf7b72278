/** W1 with p-queue, a batch a task; the results are awaited in order, and the source waits while the queue is full. */
import PQueue from 'p-queue';
import { encode, lineBatches, orderWriter, parse } from '../variants/orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../variants/orders/w1-batch-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const queue = new PQueue({ concurrency: 4 });
  const waiting = [];
  for (const lines of lineBatches(input)) {
    waiting.push(queue.add(() => encode(selectAll(deriveAll(normaliseAll(parse(lines)))))));
    if (waiting.length >= 8) writer.text(await waiting.shift());
  }
  for (const text of waiting) writer.text(await text);
  writer.close();
}
