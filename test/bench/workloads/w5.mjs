/** W5: from the start of a process to its first new batch, fresh and after a `kill -9` at nine tenths of the rows. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeOrders } from '../harness/order-rows.mjs';
import { fresh, variant } from './workload.mjs';

const FRESH = 'fresh start';
const VARIANTS = [
  variant(FRESH, 'variants/starting/w5-start', { how: 'fresh' }),
  variant('resume after kill -9', 'variants/starting/w5-start', { how: 'resume' }),
  variant('bare node', 'variants/starting/w5-start', { how: 'bare' }),
];

/** @type {import('./workload.mjs').Workload} */
export const W5 = {
  name: 'W5',
  title: 'Process start to the first new batch, killed at nine tenths',
  ...{ unit: 'rows', size: 1_000_000, quickSize: 10_000 },
  runs: 15,
  variants: VARIANTS.map(({ name }) => name),
  cases({ size, dir }) {
    const input = join(dir, `orders-${size}.jsonl`);
    const [work, killed] = [join(dir, 'w5'), join(dir, 'w5-killed')];
    const output = join(work, 'out.jsonl');
    return [
      {
        name: 'first batch',
        ...{ baseline: FRESH, figure: 'firstBatchMs', better: 'lower', unit: 'ms' },
        variants: VARIANTS,
        async before({ params }) {
          makeOrders(input, size);
          fresh(work);
          if (params.how === 'resume') {
            if (!existsSync(killed)) {
              runAndKill([input, output, join(work, 'state')], size * 0.9);
              cpSync(work, killed, { recursive: true });
            } else cpSync(killed, work, { recursive: true });
          }
          return { input, output, dir: work };
        },
      },
    ];
  },
};

/** @param {string[]} words @param {number} rows */
function runAndKill(words, rows) {
  const program = fileURLToPath(new URL('../variants/orders/orders-process.mjs', import.meta.url));
  const all = [program, ...words, 'fresh', String(rows)];
  const { signal, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  if (signal !== 'SIGKILL') throw new Error(`the run ended before it was killed: ${stderr}`);
}
