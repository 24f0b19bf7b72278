/** Pins: the assertions and the matchers made of them say what is wrong, and nothing when nothing is. */
import { expect, test } from 'vitest';
import { defineStage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import {
  assertComesBackAs,
  assertNoSecondInvocation,
  assertOutput,
  assertState,
  createTestExecutor,
  loadSnapshot,
  matchers,
  type PipelineMatchers,
  stall,
} from 'xstate-pipeline/testing';

declare module 'vitest' {
  interface Matchers<T> extends PipelineMatchers<T> {}
}
expect.extend(matchers);

const paid = defineStage({ name: 'paid', durable: true, process: async (rows: { n: number }[]) => rows });
const whole = pipeline('p', { batchSize: 1 })
  .from(jsonl<{ n: number }>('in.jsonl'))
  .pipe(paid)
  .to(jsonl('out.jsonl'));
const files = { 'in.jsonl': '{"n":1}\n{"n":2}\n' };
const fixture = 'examples/05-replay-a-snapshot/killed-while-executing.json';

test('what is right passes', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [stall()] } } });
  test.execute();
  await test.settle();
  expect(test).toBeInState('EXECUTING');
  test.crash().restart();
  await test.resume();
  expect(test).toBeInState('COMPLETED');
  expect(test).not.toBeInState('PAUSED');
  expect(test).toHaveNoSecondInvocation();
  await expect(test).toHaveOutput([{ n: 1 }, { n: 2 }]);
  expect(await loadSnapshot(fixture)).toComeBackAs('PAUSED');
  assertState(test.executor, 'COMPLETED');
});

test('what is wrong is said', async () => {
  const test = createTestExecutor(whole, { files });
  expect(() => expect(test).toBeInState('PAUSED')).toThrow('The executor is IDLE, not PAUSED.');
  expect(() => expect(test).not.toBeInState('IDLE')).toThrow('is in this state');
  expect(() => assertState(test, 'FAILED')).toThrow('The executor is IDLE, not FAILED.');
  await test.execute();
  await expect(expect(test).toHaveOutput([])).rejects.toThrow('deep-equal');
  await expect(assertOutput(test, [{ n: 1 }])).rejects.toThrow('deep-equal');
  const failed = createTestExecutor(whole, { files: {} });
  await failed.execute().catch(() => {});
  expect(() => assertState(failed, 'COMPLETED')).toThrow(
    /^The executor is FAILED, not COMPLETED: .*no such file/,
  );
  const again = { stage: 'paid', batch: 1, attempt: 1, process: 2, idempotencyKey: '' };
  const message = 'Durable batches were given to their stage again: paid 1 by process 2.';
  expect(() => assertNoSecondInvocation({ secondInvocations: [again] })).toThrow(message);
  const snapshot = await loadSnapshot(fixture);
  const other = 'The snapshot, stored in EXECUTING, comes back as PAUSED, not as FAILED.';
  expect(() => assertComesBackAs(snapshot, 'FAILED')).toThrow(other);
});

test('a durable batch that is invoked again is noticed', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [stall()] } } });
  test.execute();
  await test.settle();
  test.crash().restart();
  // Somebody removes the journal, and so the next process computes again what was promised.
  for (const path of test.disk.files()) if (path.includes('/journal/')) await test.disk.unlink(path);
  await test.resume();
  expect(test.secondInvocations).toMatchObject([{ stage: 'paid', batch: 0, process: 2 }]);
  expect(() => expect(test).toHaveNoSecondInvocation()).toThrow('paid 0 by process 2');
});
