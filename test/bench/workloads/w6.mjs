/** W6: ten million rows: does anything grow with the run? */
import { LOOP, OURS, ordersCase, variant } from './workload.mjs';

const VARIANTS = [
  variant(LOOP, 'variants/throughput/w1-loop'),
  variant(OURS, 'variants/throughput/w6-pipeline'),
];

const COLUMNS = {
  flatness: 'rate, last tenth ÷ first',
  checkpointMsFirst: 'checkpoint ms, first tenth',
  checkpointMsLast: 'last tenth',
  checkpointBytesFirst: 'checkpoint bytes, first tenth',
  checkpointBytesLast: 'last tenth',
  rssFirst: 'RSS MB, after the first tenth',
  rssLast: 'at the end',
};

/** @type {import('./workload.mjs').Workload} */
export const W6 = {
  name: 'W6',
  title: 'W1 with ten times the rows: is it flat?',
  ...{ unit: 'rows', size: 10_000_000, quickSize: 20_000, runs: 3 },
  variants: VARIANTS.map(({ name }) => name),
  cases: (options) => [{ ...ordersCase(options, 'file to file', VARIANTS), columns: COLUMNS }],
};
