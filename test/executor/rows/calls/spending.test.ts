/**
 * I21: what calls spend is counted with any outcome, and survives every process:
 *
 * - sums are exact; failed calls count; nothing is counted twice after a resume;
 * - a call in flight at a crash is charged at its estimate, as uncertain;
 * - a budget is decided before a call begins: with exact estimates nothing is overspent, with estimates that are half of the truth at
 *   most what was in flight;
 * - an exhausted budget pauses the run, and a resume with more completes it; there is never a second budget;
 * - a budget in dollars without a price is refused.
 */
import { describe, expect, test } from 'vitest';
import {
  type AnyStage,
  collect,
  defineStage,
  InvalidOptionError,
  map,
  memoryStorage,
  type PipelineOptions,
  pipeline,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor } from 'xstate-pipeline/testing';
import { gate, harness, numbers, type Row } from '../../../support/runs.js';

interface Paid {
  readonly rowsPerCall?: number;
  readonly concurrency?: number;
  /** Dollars of a call, by its first row. */
  readonly price?: (first: number) => number;
  /** Dollars. */
  readonly estimate?: number;
  readonly answer?: (first: number, signal: AbortSignal) => unknown;
  readonly attempts?: number;
}

function paid(made: number[], given: Paid = {}): AnyStage {
  const {
    rowsPerCall = 2,
    concurrency = 1,
    price = () => 0.01,
    estimate = 0.01,
    answer,
    attempts = 1,
  } = given;
  return defineStage({
    ...{ name: 'paid', durable: true, rowsPerCall, concurrency, estimate: { usd: estimate } },
    retry: { attempts, initialDelayMs: 0 },
    process: async (batch: Row[], { spend, signal }) => {
      const first = batch[0]?.n ?? 0;
      made.push(first);
      spend({ usd: price(first), inputTokens: 10 });
      await answer?.(first, signal);
      return batch;
    },
  });
}

const paused = async (h: ReturnType<typeof harness>) => {
  const event = h.event('pipeline.paused');
  void h.start();
  return (await event) as Extract<Awaited<typeof event>, { type: 'pipeline.paused' }>;
};

test('every call is counted, failed ones too, and sums are exact', async () => {
  const made: number[] = [];
  const failing = new Set([4, 12]);
  const answer = (first: number) => {
    if (failing.delete(first)) throw new Error('refused');
  };
  const h = harness([paid(made, { price: () => 0.1, answer, attempts: 2 })], { count: 20 });
  const { metrics } = await h.start();
  expect(made).toHaveLength(12);
  expect(metrics.spending?.certain).toEqual({ usd: 1.2, inputTokens: 120, calls: 12, rows: 24 });
  expect(metrics.spending?.uncertain).toEqual({});
  expect(metrics.spending?.stages?.paid?.certain.usd).toBe(1.2);
});

test('spend() is counted in stages that make no calls, and refuses what is no amount', async () => {
  const stage = map('row', (row: Row, { spend }) => {
    spend({ usd: 0.1, pages: 3 });
    return row;
  });
  const { metrics } = await harness([stage], { count: 3 }).start();
  expect(metrics.spending?.certain).toEqual({ usd: 0.3, pages: 9 });
  for (const wrong of [{ usd: -1 }, { usd: Number.NaN }, { usd: '1' }, 1, null]) {
    const bad = map('row', (row: Row, { spend }) => {
      spend(wrong as never);
      return row;
    });
    await expect(harness([bad], { count: 1 }).start()).rejects.toThrow(/context.spend\(\)/);
  }
});

describe('a budget', () => {
  test.each([1, 2, 7])(
    'is never overspent where estimates are exact (%i calls at once)',
    async (concurrency) => {
      const made: number[] = [];
      const h = harness([paid(made, { concurrency })], { count: 100, pipeline: { budget: { usd: 0.105 } } });
      const { reason, spending } = await paused(h);
      expect(reason).toMatchObject({ kind: 'budget' });
      expect(reason?.message).toContain('$0.1050');
      expect(made).toHaveLength(10);
      expect(spending?.certain.usd).toBe(0.1);
      await h.executor.cancel();
    },
  );

  test('is overspent by at most what was in flight where estimates are half of the truth', async () => {
    const made: number[] = [];
    const stage = paid(made, {
      ...{ concurrency: 4, price: () => 0.02, estimate: 0.01 },
      answer: () => new Promise((resolve) => setImmediate(resolve)),
    });
    const h = harness([stage], { count: 200, pipeline: { budget: { usd: 0.5 } } });
    const { spending } = await paused(h);
    expect(spending?.certain.usd).toBeLessThanOrEqual(0.5 + 4 * 0.01);
    expect(spending?.certain.usd).toBeGreaterThanOrEqual(0.48);
    await h.executor.cancel();
  });

  test('that is raised lets another process complete the run, and nothing is paid twice', async () => {
    const storage = memoryStorage();
    const sink = collect<Row>();
    const made: number[] = [];
    let sessionId = '';
    const run = async (usd: number) => {
      const options: PipelineOptions = { batchSize: 10, budget: { usd } };
      const h = harness([paid(made, { concurrency: 3 })], {
        ...{ count: 60, stateManager: new StateManager(storage), sink, pipeline: options },
      });
      const event = h.event('pipeline.paused');
      const result =
        sessionId === ''
          ? h.start()
          : h.executor.resume(sessionId, { name: 'test', source: rows(numbers(60)), sink, options });
      result.catch(() => {});
      const ended = await Promise.race([event, result]);
      sessionId = h.executor.sessionId ?? '';
      if ('type' in ended) await h.executor.cancel();
      return ended;
    };
    expect(await run(0.1)).toMatchObject({ spending: { certain: { usd: 0.1 } } });
    // The same budget again: it is spent.
    expect(await run(0.1)).toMatchObject({ spending: { certain: { usd: 0.1 } } });
    expect(made).toHaveLength(10);
    expect(await run(0.25)).toMatchObject({ spending: { certain: { usd: 0.25 } } });
    const result = await run(1);
    expect(result).toMatchObject({
      success: true,
      metrics: { spending: { certain: { usd: 0.3, calls: 30 } } },
    });
    expect(made).toHaveLength(30);
    expect(new Set(made).size).toBe(30);
  });

  test('of a stage holds that stage, and of calls and rows needs no price', async () => {
    const made: number[] = [];
    const stage = defineStage({
      ...{ name: 'counted', rowsPerCall: 3, budget: { calls: 4 } },
      process: async (batch: Row[]) => {
        made.push(batch.length);
        return batch;
      },
    });
    const h = harness([stage], { count: 30 });
    expect((await paused(h)).reason?.message).toMatch(/stage "counted" of 4 calls/);
    expect(made).toHaveLength(4);
    await h.executor.cancel();
  });

  test('warns at three quarters and nine tenths', async () => {
    const h = harness([paid([])], { count: 100, pipeline: { budget: { usd: 0.1 } } });
    await paused(h);
    const warnings = h.events.flatMap((event) => (event.type === 'budget.warning' ? event.share : []));
    expect(warnings).toEqual([0.75, 0.9]);
    await h.executor.cancel();
  });

  test('in dollars without a price is refused', async () => {
    const free = defineStage({ name: 'free', rowsPerCall: 2, process: (batch: Row[]) => batch });
    for (const budget of [{ usd: 1 }, { tokens: 1000 }])
      await expect(harness([free], { pipeline: { budget } }).start()).rejects.toThrow(InvalidOptionError);
    const plain = map('plain', (row: Row) => row);
    await expect(harness([plain], { pipeline: { budget: { calls: 1 } } }).start()).rejects.toThrow(
      InvalidOptionError,
    );
  });

  test.each([{ usd: 1 }, { tokens: 1000 }])(
    '%j without an amount in the estimate: no call is made',
    async (budget) => {
      const made: number[] = [];
      const stage = defineStage({
        name: 'free',
        onError: 'skip',
        estimate: () => ({ calls: 1 }),
        process: (batch: Row[]) => {
          made.push(batch.length);
          return batch;
        },
      });
      await expect(harness([stage], { pipeline: { budget } }).start()).rejects.toThrow(
        /^Stage "free": a budget is in (usd|tokens), and the estimate of a call tells no (usd|tokens)/,
      );
      expect(made).toEqual([]);
    },
  );
});

test('a call in flight at a crash is charged at its estimate, once, and called uncertain', async () => {
  const reached = gate();
  const made: number[] = [];
  let isFirst = true;
  const stage = paid(made, {
    ...{ concurrency: 2, estimate: 0.05 },
    answer: async (first) => {
      if (!isFirst || first !== 6) return;
      reached.open();
      await new Promise(() => {});
    },
  });
  const whole = pipeline('test', { batchSize: 10, budget: { usd: 10 } })
    .from(rows(numbers(20)))
    .pipe(stage)
    .to(jsonl('/out.jsonl'));
  const test = createTestExecutor(whole);
  void test.execute().catch(() => {});
  await reached.opened;
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  const before = made.splice(0);
  isFirst = false;
  test.crash().restart();
  const result = await test.resume();
  expect(before).toContain(6);
  expect(made).toContain(6);
  expect([...before, ...made].filter((first) => first !== 6)).toHaveLength(9);
  expect(result.metrics.spending?.uncertain).toEqual({ usd: 0.05, calls: 1, rows: 2 });
  expect(result.metrics.spending?.certain.usd).toBe(0.1);
  expect(test.rows('/out.jsonl')).toEqual(numbers(20));
});

test('run({ budget }) changes the limits of the pipeline', async () => {
  const made: number[] = [];
  const whole = pipeline('test', { batchSize: 10, budget: { usd: 1 } })
    .from(rows(numbers(20)))
    .pipe(paid(made))
    .to(collect<Row>());
  const options = { stateManager: new StateManager(memoryStorage()), budget: { usd: 0.03 } };
  await expect(whole.run(options)).rejects.toThrow('The budget of $0.0300 is reached');
  expect(made).toHaveLength(3);
});

test('a call whose reservation is still being written at a cancel is not made', async () => {
  const made: number[] = [];
  const storage = memoryStorage();
  const writing = gate();
  const held = gate();
  const slow = {
    ...storage,
    async journal(sessionId: string, epoch: number) {
      const journal = await storage.journal(sessionId, epoch);
      const write = async () => {
        writing.open();
        await held.opened;
      };
      return { ...journal, write };
    },
  };
  const h = harness([paid(made)], { count: 20, stateManager: new StateManager(slow) });
  const run = h.start();
  await writing.opened;
  const cancelled = h.executor.cancel();
  held.open();
  await cancelled;
  await run.catch(() => {});
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(made).toEqual([]);
});
