/** Retries and timeouts, on a hand-driven clock (I14). */
import { expect, test } from 'vitest';
import { defineStage, map } from 'xstate-pipeline';
import { manualClock } from '../../../src/testing/manual-clock.js';
import { harness, type Row, skipDelays } from '../../support/runs.js';

test('backs off on the injected clock, then succeeds; rows that succeeded do not run again', async () => {
  const clock = manualClock();
  const calls = new Map<number, number>();
  const stage = map(
    'flaky',
    async (row: Row) => {
      const call = (calls.get(row.n) ?? 0) + 1;
      calls.set(row.n, call);
      if (row.n === 3 && call < 3) throw new Error('busy');
      return row;
    },
    { retry: { attempts: 3, initialDelayMs: 100, factor: 2, jitter: false } },
  );
  const h = harness([stage], { count: 10, environment: { clock } });
  const delays = skipDelays(h.executor, clock);
  const result = await h.start();
  expect(delays).toEqual([100, 200]);
  expect(calls.get(3)).toBe(3);
  expect(calls.get(4)).toBe(1);
  expect(result.metrics.retries).toBe(2);
});

test('an attempt that outlives its timeout is aborted and tried again', async () => {
  const clock = manualClock();
  const signals: AbortSignal[] = [];
  const keys = new Set<string>();
  const stage = defineStage({
    name: 'slow',
    timeoutMs: 50,
    retry: { attempts: 2, initialDelayMs: 10, jitter: false },
    process: (batch: Row[], context): Row[] | Promise<Row[]> => {
      // A copy of the context has every field.
      const { attempt, signal, idempotencyKey } = { ...context };
      signals.push(signal);
      keys.add(idempotencyKey);
      return attempt === 1 ? new Promise(() => {}) : batch;
    },
  });
  const h = harness([stage], { count: 10, environment: { clock } });
  const started = h.event('batch.started');
  const retried = h.event('batch.retried');
  const run = h.start();
  await started;
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(50);
  expect(await retried).toMatchObject({ error: { code: 'STAGE_TIMEOUT' } });
  clock.advance(10);
  expect((await run).metrics).toMatchObject({ rowsOut: 10, retries: 1 });
  expect(signals[0]?.aborted).toBe(true);
  // I8: a service that deduplicates sees one call.
  expect([...keys]).toEqual([expect.stringMatching(`^${h.executor.sessionId}:slow:0:[0-9a-f]+-10$`)]);
});
