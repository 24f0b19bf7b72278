/** W1 with async generators, one a stage, a batch at a time. */
import { encode, lineBatches, orderWriter, parse } from '../orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../orders/w1-batch-stages.mjs';

/**
 * @template I, O
 * @param {AsyncIterable<I> | Iterable<I>} source
 * @param {(batch: I) => O} step
 */
async function* through(source, step) {
  for await (const batch of source) yield step(batch);
}

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const rows = through(lineBatches(input), parse);
  const done = through(through(through(rows, normaliseAll), deriveAll), selectAll);
  for await (const batch of done) writer.text(encode(batch));
  writer.close();
}
