/** W1 with streaming-iterables, a batch at a time. */
import { consume, map, pipeline, tap } from 'streaming-iterables';
import { encode, lineBatches, orderWriter, parse } from '../variants/orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../variants/orders/w1-batch-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  await pipeline(
    () => lineBatches(input),
    map(parse),
    map(normaliseAll),
    map(deriveAll),
    map(selectAll),
    tap((rows) => writer.text(encode(rows))),
    consume,
  );
  writer.close();
}
