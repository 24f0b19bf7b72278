/** W6: W1 with an observer that looks at the clock and the memory at each tenth of the rows, and at every checkpoint. */
import { run as runW1 } from '../orders/orders-pipeline.mjs';

/** @param {{ input: string, output: string, dir: string, rows: number }} params */
export async function run({ input, output, dir, rows }) {
  const tenth = Math.max(1, Math.floor(rows / 10));
  /** @type {{ at: number, rowsIn: number, rssMb: number }[]} */
  const marks = [];
  /** @type {{ bytes: number, durationMs: number }[]} */
  const checkpoints = [];
  const observer = {
    /** @param {import('xstate-pipeline').PipelineEvent} event */
    next(event) {
      if (event.type === 'pipeline.started') mark(0);
      if (event.type === 'checkpoint.saved')
        checkpoints.push({ bytes: event.bytes, durationMs: event.durationMs });
      if (event.type === 'batches.committed' && event.rowsIn >= marks.length * tenth) mark(event.rowsIn);
    },
  };
  /** @param {number} rowsIn */
  const mark = (rowsIn) =>
    marks.push({ at: performance.now(), rowsIn, rssMb: process.memoryUsage.rss() / 2 ** 20 });
  await runW1({ input, output, dir }, { observers: [observer] });
  const rates = marks.slice(1).map((here, i) => {
    const before = marks[i] ?? here;
    return ((here.rowsIn - before.rowsIn) / (here.at - before.at)) * 1000;
  });
  const some = Math.max(1, Math.floor(checkpoints.length / 10));
  const [early, late] = [checkpoints.slice(0, some), checkpoints.slice(-some)];
  return {
    ...{ rateFirst: rates[0] ?? 0, rateLast: rates.at(-1) ?? 0, rates: rates.map(Math.round).join(' ') },
    flatness: (rates.at(-1) ?? 0) / (rates[0] ?? 1),
    ...{ checkpointMsFirst: middle(early, 'durationMs'), checkpointMsLast: middle(late, 'durationMs') },
    ...{ checkpointBytesFirst: middle(early, 'bytes'), checkpointBytesLast: middle(late, 'bytes') },
    ...{ rssFirst: marks[1]?.rssMb ?? 0, rssLast: marks.at(-1)?.rssMb ?? 0, checkpoints: checkpoints.length },
  };
}

/** @param {{ bytes: number, durationMs: number }[]} list @param {'bytes' | 'durationMs'} key */
const middle = (list, key) => list.map((one) => one[key]).sort((a, b) => a - b)[list.length >> 1] ?? 0;
