/** W4 by hand, on one thread. */
import { encode, lineBatches, orderWriter, parse } from '../orders/order-batches.mjs';
import { fingerprint } from './w4-stage.mjs';

/** @param {{ input: string, output: string }} params */
export function run({ input, output }) {
  const writer = orderWriter(output);
  for (const lines of lineBatches(input)) writer.text(encode(parse(lines).map(fingerprint)));
  writer.close();
}
