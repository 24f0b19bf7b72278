/**
 * A run pauses by itself (I16, I18):
 *
 * - a 'pause' decision holds the batch: nothing more begins, no row is lost, what is finished in order is committed
 * - event, receipt, context and checkpoint have the reason; execute() stays pending, run() rejects with it
 * - a resume makes the held calls, in this process and in another, and the result is whole
 */
import { describe, expect, test } from 'vitest';
import {
  type AnyStage,
  collect,
  defineStage,
  map,
  memoryStorage,
  PipelineExecutor,
  PipelinePausedError,
  pipeline,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../../support/runs.js';

class Exhausted extends Error {}

const when = (error: unknown) => (error instanceof Exhausted ? 'pause' : 'retry');
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A service whose account covers so many rows. */
class Service {
  readonly calls: number[] = [];
  constructor(public covers: number) {}

  async ask(batch: readonly Row[]): Promise<Row[]> {
    const first = batch[0]?.n ?? 0;
    this.calls.push(first / 10);
    await turn();
    if (first >= this.covers) throw new Exhausted('the account is empty');
    return [...batch];
  }

  stage(options: { durable?: boolean; concurrency?: number; rowsPerCall?: number } = {}): AnyStage {
    return defineStage({
      name: 'ask',
      onError: 'skip',
      retry: { attempts: 2, when },
      ...options,
      process: (batch: Row[]) => this.ask(batch),
    });
  }
}

const reason = {
  kind: 'quota',
  message: expect.stringMatching(/^Stage "ask" failed over batch \d: the account is empty$/),
  advice: 'Top up the account or remove the cause, then resume. No row was lost.',
};

describe.each([
  ['one at a time', { concurrency: 1 }],
  ['four at once', { concurrency: 4 }],
  ['four at once, durable', { concurrency: 4, durable: true }],
])('a pause decision, %s', (_, options) => {
  test('pauses with the reason, and a resume in this process completes the run', async () => {
    const service = new Service(50);
    const h = harness([service.stage(options)], { count: 100 });
    const paused = h.event('pipeline.paused');
    const run = h.start();
    expect(await paused).toMatchObject({ batches: 5, rowsIn: 50, rowsOut: 50, reason });
    expect(h.executor.state).toBe('PAUSED');
    expect(h.executor.actor.getSnapshot().context.pauseReason).toMatchObject(reason);
    const made = service.calls.length;
    await turn();
    expect(service.calls.length).toBe(made);
    service.covers = 1000;
    const result = await h.executor.resume();
    expect(result.metrics).toMatchObject({ rowsIn: 100, rowsOut: 100, rowsFailed: 0, retries: 0 });
    expect(await result.data.toArray()).toEqual(numbers(100));
    expect(await run).toBe(result);
    // Calls that succeeded are not repeated.
    for (let batch = 0; batch < 5; batch++)
      expect(service.calls.filter((call) => call === batch)).toHaveLength(1);
    expect(h.executor.actor.getSnapshot().context.pauseReason).toBeUndefined();
  });

  test('another process shows the reason, resumes, and completes the run', async () => {
    const service = new Service(50);
    const stateManager = new StateManager(memoryStorage(), { checkpointInterval: 20 });
    const sink = collect<Row>();
    const h = harness([service.stage(options)], { count: 100, stateManager, sink });
    const paused = h.event('pipeline.paused');
    h.start();
    const { sessionId } = await paused;
    h.executor.actor.stop();
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    expect(checkpoint.state).toBe('PAUSED');
    expect(checkpoint.snapshot).toMatchObject({ context: { pauseReason: reason } });
    service.covers = 1000;
    const other = new PipelineExecutor([service.stage(options)], stateManager, [], {
      logger: silentLogger,
    });
    const result = await other.resume(sessionId, { source: rows(numbers(100)), sink });
    expect(await result.data.toArray()).toEqual(numbers(100));
    expect(result.metrics).toMatchObject({ rowsFailed: 0 });
    expect(other.actor.getSnapshot().context.pauseReason).toBeUndefined();
  });
});

test('durable answers beyond the gap are kept for another process', async () => {
  const calls: number[] = [];
  let isCovered = false;
  const stage = () =>
    defineStage({
      ...{ name: 'ask', durable: true, concurrency: 4, onError: 'skip', retry: { when } },
      process: async (batch: Row[]) => {
        const [first] = batch as [Row];
        calls.push(first.n / 10);
        await turn();
        if (first.n === 10 && !isCovered) throw new Exhausted('the account is empty');
        return batch;
      },
    });
  const stateManager = new StateManager(memoryStorage());
  const sink = collect<Row>();
  const h = harness([stage()], { count: 40, stateManager, sink });
  const paused = h.event('pipeline.paused');
  h.start();
  const { sessionId, ...figures } = await paused;
  expect(figures).toMatchObject({ batches: 1, rowsOut: 10 });
  h.executor.actor.stop();
  isCovered = true;
  const other = new PipelineExecutor([stage()], stateManager, [], { logger: silentLogger });
  const result = await other.resume(sessionId, { source: rows(numbers(40)), sink });
  expect(await result.data.toArray()).toEqual(numbers(40));
  expect(calls.sort()).toEqual([0, 1, 1, 2, 3]);
});

test('stages after the one that is held finish what they have; stages before it do not begin', async () => {
  const before: number[] = [];
  const after: number[] = [];
  const service = new Service(20);
  const noting = (name: string, seen: number[]) =>
    defineStage({
      name,
      process: async (batch: Row[]) => {
        seen.push((batch[0]?.n ?? 0) / 10);
        await turn();
        await turn();
        return batch;
      },
    });
  const h = harness([noting('before', before), service.stage(), noting('after', after)], {
    count: 100,
    pipeline: { maxInFlight: 6 },
  });
  const paused = h.event('pipeline.paused');
  const run = h.start();
  expect(await paused).toMatchObject({ batches: 2, rowsOut: 20 });
  expect(after).toEqual([0, 1]);
  expect(before.length).toBeLessThan(6);
  service.covers = 1000;
  await h.executor.resume();
  expect(before).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect((await run).metrics.rowsOut).toBe(100);
});

test('rows of a row stage that succeeded are kept; only the others are asked again', async () => {
  const calls: number[] = [];
  let isCovered = false;
  const stage = map(
    'ask',
    async (row: Row) => {
      calls.push(row.n);
      if (row.n === 5 && !isCovered) throw new Exhausted('the account is empty');
      return row;
    },
    { onError: 'skip', retry: { when } },
  );
  const h = harness([stage], { count: 10 });
  const paused = h.event('pipeline.paused');
  h.start();
  await paused;
  expect(calls).toEqual([0, 1, 2, 3, 4, 5]);
  isCovered = true;
  const { metrics } = await h.executor.resume();
  expect(metrics).toMatchObject({ rowsOut: 10, rowsFailed: 0 });
  expect(calls).toEqual([0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9]);
});

test('run() rejects with the reason and frees the session; run({ resume }) completes it', async () => {
  const service = new Service(20);
  const stateManager = new StateManager(memoryStorage());
  const sink = collect<Row>();
  const whole = pipeline('p', { batchSize: 10 })
    .from(rows(numbers(40)))
    .pipe(service.stage())
    .to(sink);
  const options = { stateManager, environment: { logger: silentLogger } };
  const run = whole.run(options);
  const error = await run.catch((thrown: unknown) => thrown as PipelinePausedError);
  expect(error).toBeInstanceOf(PipelinePausedError);
  expect(error).toMatchObject({ reason });
  expect((error as Error).message).toMatch(
    /paused by itself: Stage "ask" failed over batch 2: the account is empty/,
  );
  service.covers = 1000;
  const result = await whole.run({ ...options, resume: (error as PipelinePausedError).sessionId });
  expect(await result.data.toArray()).toEqual(numbers(40));
});

test('a second pause by itself has its own reason', async () => {
  const service = new Service(20);
  const h = harness([service.stage()], { count: 60 });
  for (const covers of [40, 1000]) {
    const paused = h.event('pipeline.paused');
    if (h.executor.state === 'IDLE') h.start();
    else h.executor.resume().catch(() => {});
    expect(await paused).toMatchObject({ rowsOut: service.covers, reason });
    service.covers = covers;
  }
  expect((await h.executor.resume()).metrics.rowsOut).toBe(60);
});

test('a session that pauses by itself can be cancelled', async () => {
  const h = harness([new Service(20).stage()], { count: 60 });
  const paused = h.event('pipeline.paused');
  const run = h.start();
  await paused;
  await h.executor.cancel();
  await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
});

test.each([1, 2])(
  'calls that ended are kept when another pauses the run, on attempt %i',
  async (attempts) => {
    const calls: number[] = [];
    let isCovered = false;
    let isBusy = attempts === 2;
    const stage = defineStage({
      ...{ name: 'ask', concurrency: 2, rowsPerCall: 2, onError: 'skip' },
      retry: { attempts: 2, initialDelayMs: 0, when },
      process: async (batch: Row[]) => {
        const [first] = batch as [Row];
        calls.push(first.n);
        await turn();
        if (first.n === 4 && isBusy) {
          isBusy = false;
          throw new Error('busy');
        }
        if (first.n === 4 && !isCovered) throw new Exhausted('the account is empty');
        return batch;
      },
    });
    const h = harness([stage], { count: 10 });
    const paused = h.event('pipeline.paused');
    h.start();
    expect(await paused).toMatchObject({ batches: 0, reason });
    isCovered = true;
    const result = await h.executor.resume();
    expect(await result.data.toArray()).toEqual(numbers(10));
    for (const n of [0, 2, 6, 8]) expect(calls.filter((call) => call === n)).toHaveLength(1);
    expect(calls.filter((call) => call === 4)).toHaveLength(attempts + 1);
  },
);
