/**
 * Crashes quarantine only a batch that was in progress at each of them. Batches that were only read ahead at the first
 * crash, and a batch in progress at a later kill from outside, continue.
 */
import { expect, test } from 'vitest';
import { defineStage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, stall } from 'xstate-pipeline/testing';

const ROWS = 40;
const files = { 'in.jsonl': Array.from({ length: ROWS }, (_, n) => `${JSON.stringify({ n })}\n`).join('') };

function killedTwice(maxCrashes: number) {
  const work = defineStage({ name: 'work', concurrency: 4, process: (rows: object[]) => rows });
  const whole = pipeline('suspects', { batchSize: 1, maxInFlight: 4, maxCrashes, onPoison: 'skip' })
    .from(jsonl('in.jsonl'))
    .pipe(work)
    .to(jsonl('out.jsonl'));
  // Batch 0 is in flight at all crashes but the last, batch 20 at the last only.
  const first = Array.from({ length: maxCrashes - 1 }, () => stall());
  return createTestExecutor(whole, { files, script: { work: { 0: first, 20: [stall()] } } });
}

test.each([2, 3])('%i crashes', async (maxCrashes) => {
  const test = killedTwice(maxCrashes);
  test.execute();
  await test.settle();
  for (let crash = 1; crash < maxCrashes; crash++) {
    test.crash().restart();
    test.resume();
    await test.settle();
  }
  expect(test.invocations.filter(({ batch }) => batch === 20)).toHaveLength(1);
  test.crash().restart();
  const { metrics } = await test.resume();
  expect(metrics).toMatchObject({ rowsOut: ROWS, rowsFailed: 0 });
});
