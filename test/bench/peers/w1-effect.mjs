/** W1 with Effect's Stream, a batch an element. */
import { Effect, Stream } from 'effect';
import { encode, lineBatches, orderWriter, parse } from '../variants/orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../variants/orders/w1-batch-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const written = Stream.fromIterable(lineBatches(input), { chunkSize: 1 }).pipe(
    Stream.map(parse),
    Stream.map(normaliseAll),
    Stream.map(deriveAll),
    Stream.map(selectAll),
    Stream.runForEach((rows) => Effect.sync(() => writer.text(encode(rows)))),
  );
  await Effect.runPromise(written);
  writer.close();
}
