/** W1 with node:readline, by its line events: the usual way without packages. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { orderWriter } from '../orders/order-batches.mjs';
import { derive, normalise, select } from '../orders/w1-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const reader = createInterface({ input: createReadStream(input, { highWaterMark: 128 * 1024 }) });
  reader.on('line', (line) => {
    const row = derive(normalise(JSON.parse(line)));
    if (select(row)) writer.row(row);
  });
  await once(reader, 'close');
  writer.close();
}
