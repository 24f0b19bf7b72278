/**
 * A hook that throws after the work costs no work (I8): the output is kept, journaled in a durable stage, and neither another
 * attempt nor a resume calls the stage again.
 */
import { expect, test } from 'vitest';
import { defineStage, rows } from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../support/runs.js';

function paidStage(fails: (attempt: number) => boolean, options: object) {
  const calls: number[] = [];
  const hooks: number[] = [];
  const stage = defineStage({
    name: 'paid',
    process: async (batch: Row[], { batch: { index } }) => {
      calls.push(index);
      return batch;
    },
    hooks: {
      after: ({ batch, attempt, rowsOut }) => {
        hooks.push(batch);
        expect(rowsOut).toBe(10);
        if (fails(attempt)) throw new Error('metrics are down');
      },
    },
    ...options,
  });
  return { stage, calls, hooks };
}

const retry = { attempts: 3, initialDelayMs: 0, jitter: false };

test.each([true, false])('another attempt calls the hook alone (durable %s)', async (durable) => {
  const { stage, calls, hooks } = paidStage((attempt) => attempt < 3, { durable, retry });
  const h = harness([stage], { count: 20 });
  const { metrics } = await h.start();
  expect(h.sink.rows).toEqual(numbers(20));
  expect(calls).toEqual([0, 1]);
  expect(hooks.sort()).toEqual([0, 0, 0, 1, 1, 1]);
  expect(metrics).toMatchObject({ rowsOut: 20, retries: 4 });
});

test('a durable stage: the run fails, and a resume takes the output from the journal', async () => {
  let isDown = true;
  const { stage, calls } = paidStage(() => isDown, { durable: true });
  const h = harness([stage], { count: 20 });
  await expect(h.start()).rejects.toThrow('metrics are down');
  isDown = false;
  const called = calls.length;
  const { stateManager, sink } = h;
  const next = harness([stage], { stateManager, sink });
  await next.executor.resume(h.executor.sessionId as string, { source: rows(numbers(20)), sink });
  expect(sink.rows).toEqual(numbers(20));
  expect(calls.filter((batch) => batch === 0)).toEqual([0]);
  expect(calls).toHaveLength(2);
  expect(called).toBeGreaterThan(0);
});

test.each(['skip', 'dead-letter'] as const)('with onError %s no row is lost', async (onError) => {
  const warnings: string[] = [];
  const log = () => {};
  const logger = { debug: log, info: log, error: log, warn: (text: string) => void warnings.push(text) };
  const { stage, calls } = paidStage(() => true, { durable: true, onError });
  const h = harness([stage], { count: 10, environment: { logger } });
  const { metrics, isComplete } = await h.start();
  expect(h.sink.rows).toEqual(numbers(10));
  expect(calls).toEqual([0]);
  expect(isComplete).toBe(true);
  expect(metrics).toMatchObject({ rowsIn: 10, rowsOut: 10 });
  expect(warnings).toContain('Stage "paid": its after hook failed, and its rows are kept: metrics are down');
});
