/** W1 with p-map's ordered, bounded iterable, a batch at a time. */
import { pMapIterable } from 'p-map';
import { encode, lineBatches, orderWriter, parse } from '../variants/orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../variants/orders/w1-batch-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const work = async (lines) => encode(selectAll(deriveAll(normaliseAll(parse(lines)))));
  for await (const text of pMapIterable(lineBatches(input), work, { concurrency: 4 })) writer.text(text);
  writer.close();
}
