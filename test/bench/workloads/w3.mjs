/** W3: steps a second, each result durable before the next step sees it. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKPOINT_COLUMNS, fresh, OURS, variant } from './workload.mjs';

const BULLMQ = 'BullMQ (Redis appendfsync always)';

/** Of the workload's size: those that take so much longer are given less to do. What counts is steps a second. */
const VARIANTS = [
  variant(OURS, 'variants/waiting/w3-pipeline', { share: 1 }),
  variant(BULLMQ, 'peers/w3-bullmq', { share: 1, appendfsync: 'always' }),
  variant('BullMQ (Redis appendfsync everysec)', 'peers/w3-bullmq', { share: 1, appendfsync: 'everysec' }),
  variant('graphile-worker (PostgreSQL)', 'peers/w3-graphile-worker', { share: 0.08 }),
  variant('DBOS (PostgreSQL)', 'peers/w3-dbos', { share: 0.04 }),
  variant('OpenWorkflow (PostgreSQL)', 'peers/w3-openworkflow', { share: 0.04 }),
  variant('LangGraph (sqlite)', 'peers/w3-langgraph', { share: 0.08 }),
];

const CASES = [
  { name: 'tiny results, concurrency 8', rows: 1, concurrency: 8, part: 1 },
  { name: 'tiny results, concurrency 64', rows: 1, concurrency: 64, part: 1 },
  { name: 'results of 500 rows, concurrency 8', rows: 500, concurrency: 8, part: 0.06 },
];

/** @type {import('./workload.mjs').Workload} */
export const W3 = {
  name: 'W3',
  title: 'Durable steps: batches through three steps',
  ...{ unit: 'batches', size: 15_000, quickSize: 30 },
  variants: VARIANTS.map(({ name }) => name),
  cases: ({ size, dir }) =>
    CASES.map(({ name, rows, concurrency, part }) => ({
      ...{ name, baseline: BULLMQ, figure: 'stepsPerSecond', better: 'higher', unit: 'steps/s' },
      variants: VARIANTS,
      columns: CHECKPOINT_COLUMNS,
      async before({ params }) {
        const work = join(dir, 'w3');
        fresh(work);
        for (const folder of [dir, work]) chmodSync(folder, 0o755);
        const batches = Math.max(10, Math.round(size * part * Number(params.share)));
        return { rows, concurrency, batches, dir: work };
      },
    })),
};
