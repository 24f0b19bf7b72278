/** W9: replaying a recorded run. */
import { join } from 'node:path';
import { makeRecording } from '../harness/recording.mjs';
import { OURS, variant } from './workload.mjs';

const PARSE = 'JSON.parse of each line';

/** @type {import('./workload.mjs').Workload} */
export const W9 = {
  name: 'W9',
  title: 'A recorded run, replayed',
  ...{ unit: 'events', size: 100_000, quickSize: 2_000 },
  variants: [PARSE, OURS],
  cases: ({ size, dir }) => [8, 64].map((concurrency) => replayCase({ size, dir, concurrency })),
};

/** @param {{ size: number, dir: string, concurrency: number }} options */
function replayCase({ size, dir, concurrency }) {
  const recording = join(dir, `recording-${size}-${concurrency}.jsonl`);
  /** @type {import('../harness/run-case.mjs').Case} */
  const one = {
    name: `concurrency ${concurrency}`,
    ...{ baseline: PARSE, figure: 'eventsPerSecond', better: 'higher', unit: 'events/s' },
    variants: [
      variant(PARSE, 'variants/replay/w9-replay', { how: 'parse', concurrency }),
      variant(OURS, 'variants/replay/w9-replay', { how: 'replay', concurrency }),
    ],
    async before() {
      await makeRecording(recording, { events: size, concurrency });
      return { recording };
    },
    async after({ seconds }) {
      return { eventsPerSecond: size / Number(seconds) };
    },
  };
  return one;
}
