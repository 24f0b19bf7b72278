/** W1 with RxJS, a batch at a time. */
import { from, lastValueFrom, map, tap } from 'rxjs';
import { encode, lineBatches, orderWriter, parse } from '../variants/orders/order-batches.mjs';
import { deriveAll, normaliseAll, selectAll } from '../variants/orders/w1-batch-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const written = from(lineBatches(input)).pipe(
    map(parse),
    map(normaliseAll),
    map(deriveAll),
    map(selectAll),
    tap((rows) => writer.text(encode(rows))),
  );
  await lastValueFrom(written);
  writer.close();
}
