/** W9: the stages of the run that is recorded, and replayed. */
import { setImmediate as turn } from 'node:timers/promises';
import { defineStage, map } from 'xstate-pipeline';

/** @param {unknown} row */
const same = (row) => row;

/** The middle one takes its time, so that batches wait for one another. @param {number} concurrency */
export const stages = (concurrency) => [
  map('tidy', same),
  defineStage({
    ...{ name: 'ask', concurrency, retry: { attempts: 2 } },
    async process(/** @type {unknown[]} */ rows) {
      await turn();
      await turn();
      return rows;
    },
  }),
  map('last', same),
];
