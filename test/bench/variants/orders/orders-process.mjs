/**
 * W5: a process that runs or resumes W1, and prints when its first batch starts. Given a number of rows, it kills itself
 * (SIGKILL: no handler, no flush) once that many are processed.
 */
import { writeSync } from 'node:fs';
import { filter, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { derive, normalise, select } from './w1-stages.mjs';

const [input = '', output = '', stateDir = '', how = 'fresh', killAt = 'Infinity'] = process.argv.slice(2);
let isFirst = true;
let rowsIn = 0;
await pipeline('W1', { batchSize: 512 })
  .from(/** @type {typeof jsonl<import('./w1-stages.mjs').Order>} */ (jsonl)(input))
  .pipe(map('normalise', normalise))
  .pipe(map('derive', derive))
  .pipe(filter('select', select))
  .to(jsonl(output))
  .run({
    ...{ stateDir, ...(how === 'resume' ? { resume: 'last' } : {}) },
    observers: [
      {
        next(event) {
          if (event.type === 'batch.completed' && event.stage === 'select') {
            rowsIn += event.rowsIn;
            if (rowsIn >= Number(killAt)) process.kill(process.pid, 'SIGKILL');
          }
          if (event.type !== 'batch.started' || !isFirst) return;
          isFirst = false;
          writeSync(1, `first batch ${event.batch}\n`);
        },
      },
    ],
  });
