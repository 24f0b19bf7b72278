/** Pins: the assertions and their matchers pass on correct values, and otherwise say what is wrong. */
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

test('correct values pass', async () => {
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

test('wrong values fail, with the expected and the actual value', async () => {
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
  const message = 'Durable stages were invoked again: paid 1 by process 2.';
  expect(() => assertNoSecondInvocation({ secondInvocations: [again], durableStages: ['paid'] })).toThrow(
    message,
  );
  const snapshot = await loadSnapshot(fixture);
  const other = 'The snapshot, stored in EXECUTING, is restored in PAUSED, not in FAILED.';
  expect(() => assertComesBackAs(snapshot, 'FAILED')).toThrow(other);
});

test('a second invocation of a durable batch fails', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [stall()] } } });
  test.execute();
  await test.settle();
  test.crash().restart();
  // Without the journal, the next process computes the announced batch again.
  for (const path of test.disk.files()) if (path.includes('/journal/')) await test.disk.unlink(path);
  await test.resume();
  expect(test.secondInvocations).toMatchObject([{ stage: 'paid', batch: 0, process: 2 }]);
  expect(() => expect(test).toHaveNoSecondInvocation()).toThrow('paid 0 by process 2');
});
