/** The second process: resumes where the first one stopped. */
import { fileURLToPath } from 'node:url';
import zipCodes from './pipeline.ts';

const stateDir = fileURLToPath(new URL('../../out/pause/sessions', import.meta.url));
let firstBatch = 0;
const result = await zipCodes.run({
  resume: 'last',
  stateDir,
  observers: [
    {
      next(event) {
        if (event.type === 'pipeline.started') firstBatch = event.fromBatch;
      },
    },
  ],
});
const { rowsIn, rowsOut } = result.metrics;
console.log('completed', JSON.stringify({ sessionId: result.sessionId, firstBatch, rowsIn, rowsOut }));
