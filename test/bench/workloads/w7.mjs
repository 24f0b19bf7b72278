/** W7: the cost of observing: each way against none, in a program and on the command line. */
import { ordersCase, variant } from './workload.mjs';

const IN_A_PROGRAM = [
  variant('no observer', 'variants/throughput/w7-pipeline', { how: 'none' }),
  variant('five observers', 'variants/throughput/w7-pipeline', { how: 'five' }),
  variant('jsonLines to a file', 'variants/throughput/w7-pipeline', { how: 'json' }),
  variant('record', 'variants/throughput/w7-pipeline', { how: 'record' }),
];
const ON_THE_COMMAND_LINE = [
  variant('run --quiet', 'variants/throughput/w7-command', { words: ['--quiet'] }),
  variant('run --json', 'variants/throughput/w7-command', { words: ['--json'] }),
  variant('run --quiet --record', 'variants/throughput/w7-command', { words: ['--quiet', '--record'] }),
  variant('run --quiet --inspect (one viewer)', 'variants/throughput/w7-command', {
    words: ['--quiet', '--inspect'],
  }),
];

/** @type {import('./workload.mjs').Workload} */
export const W7 = {
  name: 'W7',
  title: 'W1 while it is watched',
  ...{ unit: 'rows', size: 1_000_000, quickSize: 2_000 },
  variants: [...IN_A_PROGRAM, ...ON_THE_COMMAND_LINE].map(({ name }) => name),
  cases: (options) => [
    ordersCase(options, 'in a program', IN_A_PROGRAM),
    ordersCase(options, 'on the command line, the whole process', ON_THE_COMMAND_LINE),
  ],
};
