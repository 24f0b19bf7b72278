/** W8: from the shell to the first batch. */
import { join } from 'node:path';
import { makeOrders } from '../harness/order-rows.mjs';
import { fresh, variant } from './workload.mjs';

const VARIANTS = [
  variant('bare node', 'variants/starting/w8-start', { how: 'bare' }),
  variant('xstate-pipeline run orders.mjs', 'variants/starting/w8-start', { how: 'js' }),
  variant('xstate-pipeline run orders.ts', 'variants/starting/w8-start', { how: 'ts' }),
];

/** @type {import('./workload.mjs').Workload} */
export const W8 = {
  name: 'W8',
  title: 'Command line to the first batch',
  ...{ unit: 'rows', size: 100_000, quickSize: 2_000 },
  runs: 15,
  variants: VARIANTS.map(({ name }) => name),
  cases({ size, dir }) {
    const input = join(dir, `orders-${size}.jsonl`);
    const work = join(dir, 'w8');
    return [
      {
        name: 'first batch',
        ...{ baseline: 'bare node', figure: 'firstBatchMs', better: 'lower', unit: 'ms' },
        variants: VARIANTS,
        async before() {
          makeOrders(input, size);
          fresh(work);
          return { input, output: join(work, 'out.jsonl'), dir: work };
        },
      },
    ];
  },
};
