/**
 * Stalls are reported: an attempt that does not settle is named with stage, batch and age. `rowTimeoutMs` fails the row that
 * does not settle, and no other row.
 */
import { expect, test } from 'vitest';
import { defineStage, map } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('stage.stalled after 30 s, and whenever the age has doubled', async () => {
  const clock = manualClock();
  const door = gate();
  const stage = defineStage({
    ...{ name: 'slow', concurrency: 2 },
    process: async (batch: Row[], { batch: { index } }) => {
      if (index === 1) await door.opened;
      return batch;
    },
  });
  const h = harness([stage], { count: 20, environment: { clock } });
  const started = h.event('batch.started', (e) => e.type === 'batch.started' && e.batch === 1);
  const run = h.start();
  await started;
  await turn();
  for (let seconds = 0; seconds < 130; seconds += 10) clock.advance(10_000);
  door.open();
  await run;
  const stalls = h.events.filter(({ type }) => type === 'stage.stalled');
  expect(stalls).toMatchObject(
    [30_000, 60_000, 120_000].map((ageMs) => ({ stage: 'slow', batch: 1, attempt: 1, ageMs })),
  );
});

test('an attempt that answers in time is not reported, and no timer is left', async () => {
  const clock = manualClock();
  const h = harness([defineStage({ name: 's', process: async (batch: Row[]) => batch })], {
    environment: { clock },
  });
  await h.start();
  expect(clock.pending).toBe(0);
  clock.advance(100_000);
  expect(h.events.some(({ type }) => type === 'stage.stalled')).toBe(false);
});

test('rowTimeoutMs: the row fails alone, its signal is aborted, and its retry gets a fresh one', async () => {
  const clock = manualClock();
  const signals: AbortSignal[] = [];
  const stage = map(
    's',
    async (row: Row, { signal, attempt }) => {
      if (row.n !== 3) return row;
      signals.push(signal);
      return attempt === 1 ? new Promise<Row>(() => {}) : row;
    },
    { rowTimeoutMs: 50, rowConcurrency: 2, retry: { attempts: 2, initialDelayMs: 10, jitter: false } },
  );
  const h = harness([stage], { count: 10, environment: { clock } });
  const started = h.event('batch.started');
  const retried = h.event('batch.retried');
  const run = h.start();
  await started;
  await turn();
  clock.advance(50);
  expect(await retried).toMatchObject({
    error: { message: expect.stringContaining('Stage "s" took longer than 50 ms over row 3 of batch 0.') },
  });
  clock.advance(10);
  await run;
  expect(h.sink.rows).toEqual(numbers(10));
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

test('a cancel aborts the signal of a row with a time limit', async () => {
  let signal: AbortSignal | undefined;
  const started = gate();
  const stage = map(
    's',
    (_: Row, context) => {
      signal = context.signal;
      started.open();
      return new Promise<Row>(() => {});
    },
    { rowTimeoutMs: 1_000 },
  );
  const h = harness([stage], { count: 10, environment: { clock: manualClock() } });
  h.start();
  await started.opened;
  await h.executor.cancel();
  expect(signal?.aborted).toBe(true);
});
