/** A process that redrives the session of a folder, and kills itself at its n-th call: before the answer is used, or after it. */
import { appendFileSync, writeSync } from 'node:fs';
import { defineStage, map, pipeline, rows } from 'xstate-pipeline';
import { jsonl, redriveSession } from 'xstate-pipeline/node';

const { folder, count, phase, killAt } = JSON.parse(String(process.argv[2]));
const isFirst = phase === 'first';
let calls = 0;
/** @param {{ n: number }} row @param {number} digit */
const isLost = (row, digit) => isFirst && row.n % 5 === digit;

const ask = defineStage({
  ...{ name: 'ask', durable: true, rowsPerCall: 2, concurrency: 2, onError: 'dead-letter' },
  /** @param {{ n: number }[]} batch */
  process: async (batch, { failRow, idempotencyKey }) => {
    appendFileSync(`${folder}/books-${phase}`, `${idempotencyKey} ${batch.map(({ n }) => n).join(',')}\n`);
    if (++calls === killAt) process.kill(process.pid, 'SIGKILL');
    return batch.flatMap((row, i) => {
      if (!isLost(row, 1)) return [{ ...row, asked: true }];
      failRow(i, new Error('lost'));
      return [];
    });
  },
});
const store = map(
  'store',
  /** @param {{ n: number, asked: boolean }} row */
  (row) => {
    if (isLost(row, 3)) throw new Error('lost');
    return row;
  },
  { onError: 'dead-letter' },
);
const whole = pipeline('redriven', { batchSize: 6, checkpointInterval: 12, maxCrashes: 1_000 })
  .from(rows(() => Array.from({ length: count }, (_, n) => ({ n }))))
  .pipe(ask)
  .pipe(store)
  .to(jsonl(`${folder}/out.jsonl`));
const stateDir = `${folder}/state`;
if (isFirst) {
  const { sessionId } = await whole.run({ stateDir });
  writeSync(1, `session ${sessionId}\n`);
} else {
  const redrive = await redriveSession(phase, whole, { stateDir });
  if (redrive === undefined) throw new Error('There are no dead letters.');
  await whole.run({ stateDir, resume: redrive.sessionId });
  writeSync(1, `completed ${JSON.stringify(redrive)}\n`);
}
