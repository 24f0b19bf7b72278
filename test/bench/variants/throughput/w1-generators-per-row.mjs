/** W1 with async generators, one a stage, a row at a time. */
import { lines, orderWriter } from '../orders/order-batches.mjs';
import { derive, normalise, select } from '../orders/w1-stages.mjs';

/**
 * @template I, O
 * @param {AsyncIterable<I> | Iterable<I>} source
 * @param {(row: I) => O} step
 */
async function* through(source, step) {
  for await (const row of source) yield step(row);
}

/**
 * @template I
 * @param {AsyncIterable<I>} source
 * @param {(row: I) => boolean} keeps
 */
async function* only(source, keeps) {
  for await (const row of source) if (keeps(row)) yield row;
}

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const writer = orderWriter(output);
  const rows = through(lines(input), (line) => JSON.parse(line));
  for await (const row of only(through(through(rows, normalise), derive), select)) writer.row(row);
  writer.close();
}
