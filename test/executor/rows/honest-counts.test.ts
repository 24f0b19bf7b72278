/**
 * Counts are honest (I12): rows that a filter leaves out are not lost rows, and `attempt` says which attempt of this process
 * it is.
 */
import { expect, test } from 'vitest';
import { defineStage, filter, map, rows } from 'xstate-pipeline';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const failsAt = (bad: (n: number) => boolean) =>
  map(
    'check',
    (row: Row) => {
      if (bad(row.n)) throw new Error('odd row');
      return row;
    },
    { onError: 'skip' },
  );

test('a filter that keeps nothing and one lost row: completed, with one loss', async () => {
  const h = harness([failsAt((n) => n === 7), filter('none', () => false)], { count: 30 });
  const { success, isComplete, metrics } = await h.start();
  expect({ success, isComplete }).toEqual({ success: true, isComplete: false });
  expect(metrics).toMatchObject({ rowsIn: 30, rowsOut: 0, rowsFailed: 1 });
});

test('a filter before the stage that loses the rest: completed', async () => {
  const h = harness([filter('few', ({ n }: Row) => n > 27), failsAt(() => true)], { count: 30 });
  expect(await h.start()).toMatchObject({ success: true, isComplete: false });
});

test('every row lost: the run fails', async () => {
  const h = harness([failsAt(() => true), filter('none', () => false)], { count: 30 });
  await expect(h.start()).rejects.toMatchObject({ code: 'NO_USABLE_OUTPUT' });
});

test('attempt begins at 1 in every process', async () => {
  const attempts: number[] = [];
  const retry = { attempts: 3, initialDelayMs: 0, jitter: false };
  let isHeld = true;
  const stage = defineStage({
    ...{ name: 's', retry },
    process: async (batch: Row[], { attempt }) => {
      attempts.push(attempt);
      if (isHeld && attempt === 1) throw new Error('no');
      if (isHeld) await gate().opened;
      return batch;
    },
  });
  const h = harness([stage], { count: 10 });
  const second = h.event('batch.started', (e) => e.type === 'batch.started' && e.attempt === 2);
  h.start();
  await second;
  const { sessionId } = await h.executor.cancel();
  isHeld = false;
  const { stateManager, sink } = h;
  const next = harness([stage], { stateManager, sink });
  await next.executor.resume(sessionId, { source: rows(numbers(10)), sink });
  expect(attempts).toEqual([1, 2, 1]);
});
