/**
 * Pins runs with a limiter (I22):
 *
 * - a batch that waits for a permit holds no slot, counts no retry, keeps its attempt number, and its wait is no latency;
 * - the wait is to be seen: in the stage's state and context, in `batch.deferred`, in the progress;
 * - one answer 429 makes all stages wait that share the limiter, and the batch that is tried again does not wait twice;
 * - a run that is cancelled leaves the line;
 * - a call takes the tokens of its stage's estimate before it begins, and gives back what it did not use;
 * - a limiter is no part of the fingerprint; two limiters of one name in a pipeline are refused.
 */
import { expect, test } from 'vitest';
import {
  type AnyStage,
  collect,
  defineStage,
  httpErrors,
  type Limiter,
  limiter,
  map,
  type PipelineEvent,
  pipeline,
  rows,
  type Spending,
} from 'xstate-pipeline';
import { manualClock } from 'xstate-pipeline/testing';
import type { StageActorContext } from '../../machines/index.js';
import { describeStage } from '../../src/stages/fingerprint.js';
import { harness, type Row } from '../support/runs.js';

/** Resolves when everything has happened that needs no time. */
async function settled(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}

const oneASecond = () => limiter('service', { requests: { limit: 1, perMs: 1_000, burst: 1 } });

interface World {
  readonly limit: Limiter;
  readonly callMs?: number;
  readonly answer?: (call: number) => void;
  readonly retry?: Parameters<typeof defineStage>[0]['retry'];
  readonly concurrency?: number;
  readonly count?: number;
  readonly estimate?: Spending;
  readonly spent?: Spending;
}

/** A run of batches of ten rows, on a clock that only the test advances. */
function world({
  limit,
  callMs = 0,
  answer,
  retry = {},
  concurrency = 4,
  count = 40,
  estimate,
  spent,
}: World) {
  const clock = manualClock();
  const calls: { readonly at: number; readonly batch: number; readonly attempt: number }[] = [];
  const started = clock.monotonic();
  const call = defineStage({
    ...{ name: 'call', limit, retry, concurrency },
    ...(estimate && { estimate }),
    process: async (batch: Row[], context) => {
      const number = calls.push({
        at: clock.monotonic() - started,
        ...{ batch: context.batch.index, attempt: context.attempt },
      });
      if (callMs > 0) await new Promise<void>((resolve) => clock.setTimer(() => resolve(), callMs));
      answer?.(number);
      if (spent !== undefined) context.spend(spent);
      return batch;
    },
  });
  const h = harness([call], { count, environment: { clock, random: () => 0.5 } });
  const run = h.start();
  const stage = () => {
    const { children } = h.executor.actor.getSnapshot();
    return (
      (children as Record<string, unknown>)['stage:call'] as { getSnapshot(): unknown }
    ).getSnapshot() as {
      readonly value: string;
      readonly context: StageActorContext;
    };
  };
  const advance = async (ms: number) => {
    await settled();
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left));
      await settled();
    }
  };
  return { ...h, clock, calls, run, stage, advance };
}

const of = <T extends PipelineEvent['type']>(events: readonly PipelineEvent[], type: T) =>
  events.filter((event): event is Extract<PipelineEvent, { type: T }> => event.type === type);

test('batches that wait hold no slot, and are seen in state, context, events and progress', async () => {
  const { stage, executor, events, advance, run, calls } = world({ limit: oneASecond() });
  let latest: { readonly awaitingPermit: number; readonly inFlight: number } | undefined;
  executor.progress$.subscribe(({ stages }) => {
    latest = stages[0];
  });
  await advance(100);
  expect(stage()).toMatchObject({ value: 'awaitingPermit', context: { running: [], queue: [], done: 1 } });
  expect(
    stage().context.waiting.map(({ batch, attempt, waitingFor }) => [batch, attempt, waitingFor]),
  ).toEqual([1, 2, 3].map((batch) => [batch, 1, 'service']));
  expect(
    of(events, 'batch.deferred').map(({ batch, attempt, delayMs }) => [batch, attempt, delayMs]),
  ).toEqual([
    [1, 1, 1_000],
    [2, 1, 2_000],
    [3, 1, 3_000],
  ]);
  expect(latest).toMatchObject({ awaitingPermit: 3, inFlight: 0 });
  await advance(3_000);
  const result = await run;
  expect(calls.map(({ at, batch, attempt }) => [at, batch, attempt])).toEqual(
    [0, 1, 2, 3].map((batch) => [batch * 1_000, batch, 1]),
  );
  expect(result.metrics).toMatchObject({ retries: 0, rowsOut: 40 });
  expect(latest).toMatchObject({ awaitingPermit: 0 });
});

test('the wait is no latency', async () => {
  const { events, advance, run } = world({ limit: oneASecond(), callMs: 300 });
  await advance(4_000);
  const result = await run;
  expect(of(events, 'batch.completed').map(({ durationMs }) => durationMs)).toEqual([300, 300, 300, 300]);
  expect(result.metrics.stages[0]?.busyMs).toBe(1_200);
});

test('a timeout begins when the permit is there', async () => {
  const limit = oneASecond();
  const clock = manualClock();
  const call = defineStage({
    ...{ name: 'call', limit, concurrency: 4, timeoutMs: 500 },
    process: async (batch: Row[]) => batch,
  });
  const h = harness([call], { count: 40, environment: { clock } });
  const run = h.start();
  for (let i = 0; i < 40; i++) {
    await settled();
    clock.advance(100);
  }
  await expect(run).resolves.toMatchObject({ success: true });
});

test('one answer 429 makes all wait, and the refused batch does not wait twice', async () => {
  const tooMany = Object.assign(new Error('slow down'), { status: 429, headers: { 'retry-after': '5' } });
  const { calls, advance, run, events } = world({
    limit: limiter('service', { requests: { limit: 10, perMs: 1_000, burst: 1 } }),
    retry: { attempts: 3, when: httpErrors(), jitter: false },
    answer: (call) => {
      if (call === 1) throw tooMany;
    },
  });
  await advance(10_000);
  await run;
  expect(calls[0]).toEqual({ at: 0, batch: 0, attempt: 1 });
  const later = calls.slice(1);
  expect(later[0]?.at).toBe(5_000);
  expect(later.map(({ batch }) => batch).sort()).toEqual([0, 1, 2, 3]);
  expect(Math.max(...later.map(({ at }) => at))).toBeLessThanOrEqual(5_400);
  expect(of(events, 'batch.retried')).toHaveLength(1);
});

test('a run that is cancelled leaves the line', async () => {
  const limit = oneASecond();
  const first = world({ limit });
  await first.advance(100);
  await first.executor.cancel();
  await expect(first.run).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(first.clock.pending).toBe(0);
});

test('a limiter is no part of the fingerprint, and keeps a stage from being fused', async () => {
  const identity = (row: Row) => row;
  const plain = map('identity', identity);
  const limited = map('identity', identity, { limit: oneASecond() });
  expect(describeStage(limited as AnyStage)).toEqual(describeStage(plain as AnyStage));
  expect((limited as AnyStage).limit.map(({ name }) => name)).toEqual(['service']);
});

test('two limiters of one name are refused; one limiter in two stages is not', () => {
  const shared = oneASecond();
  const build = (a: Limiter, b: Limiter) =>
    pipeline('p')
      .from(rows([{ n: 1 }]))
      .pipe(map('a', (row) => row, { limit: a }))
      .pipe(map('b', (row) => row, { limit: [b] }))
      .to(collect<Row>())
      .run({ stateDir: false } as never);
  expect(() => build(shared, oneASecond())).toThrow('Two limiters are named "service"');
  expect(() => defineStage({ name: 'x', limit: {} as Limiter, process: (r: Row[]) => r })).toThrow(
    'limiter()',
  );
});

test.each([undefined, 5])(
  'an adaptive concurrency follows the service, rowsPerCall %s',
  async (rowsPerCall) => {
    const clock = manualClock();
    let running = 0;
    let most = 0;
    let allowed = 6;
    const call = defineStage({
      ...{ name: 'call', concurrency: { min: 1, max: 12 }, retry: { attempts: 50, when: httpErrors() } },
      ...(rowsPerCall === undefined ? {} : { rowsPerCall }),
      process: async (batch: Row[]) => {
        running++;
        most = Math.max(most, running);
        const isRefused = running > allowed;
        await new Promise<void>((resolve) => clock.setTimer(() => resolve(), 100));
        running--;
        if (isRefused) throw Object.assign(new Error('overloaded'), { status: 529 });
        return batch;
      },
    });
    const h = harness([call], { count: 3_000, environment: { clock, random: () => 0.5 } });
    const run = h.start();
    const width = () => {
      const { children } = h.executor.actor.getSnapshot();
      const actor = (children as Record<string, unknown>)['stage:call'] as {
        getSnapshot(): { context: StageActorContext };
      };
      return actor.getSnapshot().context.concurrency;
    };
    const seen: number[] = [];
    for (let i = 0; i < 40; i++) {
      await settled();
      seen.push(width());
      clock.advance(50);
    }
    expect(seen[0]).toBe(1);
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(12);
    allowed = 2;
    for (let i = 0; i < 100; i++) {
      await settled();
      clock.advance(50);
    }
    expect(width()).toBeLessThanOrEqual(4);
    allowed = 100;
    for (let i = 0; i < 400; i++) {
      await settled();
      clock.advance(50);
      if (h.executor.state === 'COMPLETED') break;
    }
    await expect(run).resolves.toMatchObject({ success: true, metrics: { rowsOut: 3_000 } });
  },
);

test('tokens are taken at the estimate of the stage, before any answer, and settled when the call ends', async () => {
  const limit = () => limiter('service', { tokens: { limit: 1_000, perMs: 1_000, burst: 1_000 } });
  const estimate = { inputTokens: 500, outputTokens: 100 };
  const slow = world({ limit: limit(), callMs: 10_000, estimate, spent: estimate });
  await slow.advance(2_000);
  expect(slow.calls.map(({ at }) => at)).toEqual([0, 200, 800, 1_400]);
  await slow.advance(20_000);
  await slow.run;
  const fast = world({ limit: limit(), callMs: 100, concurrency: 1, estimate, spent: { inputTokens: 100 } });
  await fast.advance(1_000);
  expect(fast.calls.map(({ at }) => at)).toEqual([0, 100, 200, 300]);
  await fast.run;
});
