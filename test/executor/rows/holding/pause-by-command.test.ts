/** A pause by command does not wait for a batch that backs off: it is held, and continues after the resume (I16). */
import { expect, test } from 'vitest';
import { defineStage } from 'xstate-pipeline';
import { manualClock } from '../../../../src/testing/manual-clock.js';
import { gate, harness, type Row } from '../../../support/runs.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a pause by command does not wait for a batch that backs off, and has no reason', async () => {
  const clock = manualClock();
  let fails = true;
  const calls: number[] = [];
  const stage = defineStage({
    name: 'flaky',
    retry: { attempts: 3, initialDelayMs: 60_000, maxDelayMs: 60_000, jitter: false },
    process: async (batch: Row[]) => {
      calls.push((batch[0]?.n ?? 0) / 10);
      if (batch[0]?.n === 10 && fails) throw new Error('busy');
      return batch;
    },
  });
  const h = harness([stage], { count: 40, environment: { clock } });
  const retried = h.event('batch.retried');
  h.start();
  await retried;
  await turn();
  expect(await h.executor.pause()).toMatchObject({ batches: 1, rowsOut: 10 });
  expect(h.executor.actor.getSnapshot().context.pauseReason).toBeUndefined();
  fails = false;
  const run = h.executor.resume();
  await turn();
  // What waited for another attempt waits on.
  expect(calls.filter((batch) => batch === 1)).toHaveLength(1);
  clock.advance(60_000);
  const { metrics } = await run;
  expect(metrics).toMatchObject({ rowsOut: 40, rowsFailed: 0, retries: 1 });
});

test('a batch that comes from the stage before, while another is held, is worked on', async () => {
  const clock = manualClock();
  const slow = gate();
  let fails = true;
  const first = defineStage({
    name: 'first',
    concurrency: 2,
    process: async (batch: Row[]) => {
      if (batch[0]?.n === 10) await slow.opened;
      return batch;
    },
  });
  const second = defineStage({
    name: 'second',
    retry: { attempts: 2, initialDelayMs: 60_000, maxDelayMs: 60_000, jitter: false },
    process: async (batch: Row[]) => {
      if (batch[0]?.n === 0 && fails) throw new Error('busy');
      return batch;
    },
  });
  const h = harness([first, second], { count: 20, environment: { clock } });
  const retried = h.event('batch.retried');
  h.start();
  await retried;
  await turn();
  const pausing = h.executor.pause();
  slow.open();
  await pausing;
  const completed = h.events.filter((event) => event.type === 'batch.completed');
  expect(completed.map((event) => [event.stage, event.batch])).toContainEqual(['second', 1]);
  fails = false;
  const run = h.executor.resume();
  await turn();
  clock.advance(60_000);
  expect((await run).metrics.rowsOut).toBe(20);
});
