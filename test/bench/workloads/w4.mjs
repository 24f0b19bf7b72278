/** W4: a stage that keeps a processor busy, on one thread and on two. */
import { LOOP, OURS, OURS_ON_TWO, ordersCase, variant } from './workload.mjs';

const VARIANTS = [
  variant(LOOP, 'variants/throughput/w4-loop'),
  variant(OURS, 'variants/orders/orders-pipeline', { which: 'W4' }),
  variant(OURS_ON_TWO, 'variants/orders/orders-pipeline', { which: 'W4', threads: 2 }),
];

/** @type {import('./workload.mjs').Workload} */
export const W4 = {
  name: 'W4',
  title: 'A stage that computes: SHA-256 twelve times a row',
  ...{ unit: 'rows', size: 200_000, quickSize: 2_000 },
  variants: VARIANTS.map(({ name }) => name),
  cases: (options) => [ordersCase(options, 'hashing', VARIANTS)],
};
