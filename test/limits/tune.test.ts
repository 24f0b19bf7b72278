/**
 * Pins tuning a run in progress:
 *
 * - `executor.tune`, the handle of `run()`, and another process change concurrency and rates at once, and `tuned` says so;
 * - what is wrong is refused, by name, and then nothing has changed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  collect,
  defineStage,
  limiter,
  type PipelineEvent,
  pipeline,
  rows,
  type Tuning,
} from 'xstate-pipeline';
import { tuneSession } from 'xstate-pipeline/node';
import { parseTuning } from '../../src/cli/commands/tune.js';
import { harness, numbers, type Row } from '../support/runs.js';

/** A stage whose calls end when the test lets them. */
function heldStage(concurrency: number | { min: number; max: number }) {
  const service = limiter('service', { requests: { limit: 1_000, perMs: 1_000, burst: 1_000 } });
  const open: (() => void)[] = [];
  const stage = defineStage({
    ...{ name: 'call', concurrency, limit: service },
    process: async (batch: Row[]) => {
      await new Promise<void>((resolve) => open.push(resolve));
      return batch;
    },
  });
  let isReleased = false;
  const release = async () => {
    isReleased = true;
    while (isReleased) {
      for (const end of open.splice(0)) end();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { stage, service, open, release, stop: () => (isReleased = false) };
}

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await new Promise((resolve) => setImmediate(resolve));
}

test('the executor takes another concurrency and other rates at once', { timeout: 20_000 }, async () => {
  const { stage, service, open, release, stop } = heldStage(1);
  const h = harness([stage], { count: 100 });
  expect(() => h.executor.tune({ stages: { call: { concurrency: 2 } } })).toThrow(
    expect.objectContaining({ code: 'ILLEGAL_COMMAND' }),
  );
  const run = h.start();
  await until(() => open.length === 1);
  const tuned = h.executor.tune({
    stages: { call: { concurrency: 3 } },
    limiters: { service: { requests: { limit: 900, perMs: 1_000, burst: 90 } } },
  });
  await until(() => open.length === 3);
  expect(tuned).toEqual({
    stages: { call: { concurrency: 3 } },
    limiters: { service: { requests: { limit: 900, perMs: 1_000, burst: 90 } } },
  });
  expect(service.rates.requests?.limit).toBe(900);
  expect(h.events.filter(({ type }) => type === 'tuned')).toMatchObject([{ tuning: tuned }]);
  void release();
  await run;
  stop();
});

test.each<[string, unknown, string]>([
  ['nothing', {}, 'changes nothing'],
  ['no object', 7, 'must be an object'],
  ['an unknown option', { stage: {} }, 'unknown option "stage"'],
  ['an unknown stage', { stages: { nine: { concurrency: 2 } } }, 'has no stage "nine"; it has "call"'],
  ['no concurrency', { stages: { call: {} } }, 'concurrency'],
  ['a concurrency of zero', { stages: { call: { concurrency: 0 } } }, 'from 1'],
  ['bounds that cross', { stages: { call: { concurrency: { min: 3, max: 2 } } } }, 'at most'],
  ['bounds for a constant stage', { stages: { call: { concurrency: { min: 1, max: 2 } } } }, 'constant'],
  ['an unknown limiter', { limiters: { other: {} } }, 'has no limiter "other"; it has "service"'],
  ['a rate of zero', { limiters: { service: { requests: { limit: 0, perMs: 1 } } } }, 'from 1'],
  [
    'a wrong rate beside a right concurrency',
    { stages: { call: { concurrency: 4 } }, limiters: { service: { requests: { limit: 1, perMs: 0 } } } },
    'from 1',
  ],
])('%s is refused, and nothing has changed', { timeout: 20_000 }, async (_, tuning, message) => {
  const { stage, service, open } = heldStage(1);
  const h = harness([stage], { count: 100 });
  const run = h.start();
  await until(() => open.length === 1);
  expect(() => h.executor.tune(tuning as Tuning)).toThrow(message);
  expect(open).toHaveLength(1);
  expect(service.rates.requests?.limit).toBe(1_000);
  expect(h.events.some(({ type }) => type === 'tuned')).toBe(false);
  await h.executor.cancel();
  await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('the handle of run() and another process tune a session', { timeout: 30_000 }, async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'tune-'));
  const { stage, open, release, stop } = heldStage({ min: 1, max: 4 });
  const events: PipelineEvent[] = [];
  const run = pipeline('tuned', { batchSize: 5 })
    .from(rows(numbers(100)))
    .pipe(stage)
    .to(collect<Row>())
    .run({ stateDir, observers: [{ next: (event) => events.push(event) }] });
  await until(() => open.length === 1);
  await run.tune({ stages: { call: { concurrency: { min: 2, max: 8 } } } });
  await until(() => open.length === 2);
  const rates = { requests: { limit: 5_000, perMs: 1_000 } };
  const tuning = { stages: { call: { concurrency: 3 } }, limiters: { service: rates } };
  await expect(tuneSession('last', tuning, { stateDir })).resolves.toMatchObject(tuning);
  await until(() => open.length === 3);
  await expect(tuneSession('last', { stages: { x: { concurrency: 3 } } }, { stateDir })).rejects.toThrow(
    'has no stage "x"',
  );
  void release();
  await expect(run).resolves.toMatchObject({ success: true });
  stop();
  expect(events.filter(({ type }) => type === 'tuned')).toHaveLength(2);
  await rm(stateDir, { recursive: true });
});

test('the arguments of the command', () => {
  expect(
    parseTuning({
      concurrency: ['a=8', 'b=2-16'],
      limit: ['service.requests=300/60s', 'service.tokens=90000/1m'],
    }),
  ).toEqual({
    stages: { a: { concurrency: 8 }, b: { concurrency: { min: 2, max: 16 } } },
    limiters: {
      service: { requests: { limit: 300, perMs: 60_000 }, tokens: { limit: 90_000, perMs: 60_000 } },
    },
  });
  expect(() => parseTuning({ concurrency: ['a'], limit: [] })).toThrow('write it as stage=8');
  expect(() => parseTuning({ concurrency: [], limit: ['x=1/2'] })).toThrow('openai.requests=300/60s');
});
