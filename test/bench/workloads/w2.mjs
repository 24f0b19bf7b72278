/** W2: stages that wait, output in order: the share of the slots that is kept busy. */
import { join } from 'node:path';
import { fresh, OURS, variant } from './workload.mjs';

const LOOP = 'bare promise loop';
const VARIANTS = [
  variant(LOOP, 'variants/waiting/w2-loop'),
  variant(OURS, 'variants/waiting/w2-pipeline'),
  variant('p-queue', 'peers/w2-p-queue'),
];

/** @type {import('./workload.mjs').Workload} */
export const W2 = {
  name: 'W2',
  title: 'A stage that waits, output in order',
  ...{ unit: 'batches', size: 10_000, quickSize: 100 },
  variants: VARIANTS.map(({ name }) => name),
  cases: ({ size, dir }) =>
    ['constant', 'varying'].flatMap((waits) =>
      [64, 256].map((concurrency) => ({
        name: `${waits === 'constant' ? '20 ms' : '5 to 35 ms'}, concurrency ${concurrency}`,
        ...{ baseline: LOOP, figure: 'slotsUsed', better: 'higher', unit: 'of the slots used' },
        variants: VARIANTS,
        async before() {
          const work = join(dir, 'w2');
          fresh(work);
          return { waits, concurrency, batches: size, dir: work };
        },
      })),
    ),
};
