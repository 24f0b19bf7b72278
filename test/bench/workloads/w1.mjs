/** W1: rows from a JSON Lines file through three synchronous stages to a JSON Lines file. */
import { CHECKPOINT_COLUMNS, LOOP, OURS, OURS_ON_TWO, ordersCase, variant } from './workload.mjs';

const VARIANTS = [
  variant(LOOP, 'variants/throughput/w1-loop'),
  variant(OURS, 'variants/orders/orders-pipeline'),
  variant(OURS_ON_TWO, 'variants/orders/orders-pipeline', { threads: 2 }),
  variant('async generators per batch', 'variants/throughput/w1-generators-per-batch'),
  variant('async generators per row', 'variants/throughput/w1-generators-per-row'),
  variant('Node streams (object mode)', 'variants/throughput/w1-node-streams'),
  variant('readline', 'variants/throughput/w1-readline'),
  variant('RxJS per batch', 'peers/w1-rxjs'),
  variant('p-map per batch', 'peers/w1-p-map'),
  variant('p-queue per batch', 'peers/w1-p-queue'),
  variant('Effect Stream per batch', 'peers/w1-effect'),
  variant('streaming-iterables per batch', 'peers/w1-streaming-iterables'),
];

/** @type {import('./workload.mjs').Workload} */
export const W1 = {
  name: 'W1',
  title: 'Rows through three synchronous stages, file to file',
  ...{ unit: 'rows', size: 1_000_000, quickSize: 2_000 },
  variants: VARIANTS.map(({ name }) => name),
  cases: (options) => [{ ...ordersCase(options, 'file to file', VARIANTS), columns: CHECKPOINT_COLUMNS }],
};
