/**
 * What a run promises while it lives in one process.
 *
 * Pinned: I4 (order), I11 (observers), I12 (honest failure), I13 (bounded window), I16 (pause), I17 (cancel), retries,
 * timeouts and `onError`, on a hand-driven clock.
 */
import { describe, expect, test } from 'vitest';
import {
  defineStage,
  map,
  NoUsableOutputError,
  PipelineCancelledError,
  RowError,
  rows,
  StageError,
  seededRandom,
} from 'xstate-pipeline';
import { manualClock } from '../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../support/runs.js';

test('I4: rows come out in source order, whatever finishes first', async () => {
  const doors = Array.from({ length: 10 }, () => gate());
  const stage = defineStage({
    name: 'wait',
    concurrency: 10,
    process: async (batch: Row[], { batch: { index } }) => {
      await doors[index]?.opened;
      return batch;
    },
  });
  const h = harness([stage], { pipeline: { maxInFlight: 10 } });
  const last = h.event('batch.started', (e) => e.type === 'batch.started' && e.batch === 9);
  const run = h.start();
  await last;
  const random = seededRandom(7);
  for (const door of doors.sort(() => random() - 0.5)) door.open();
  await run;
  expect(h.sink.rows).toEqual(numbers(100));
});

test('I13: the source is read only as far as the window', async () => {
  let read = 0;
  function* source() {
    for (const row of numbers(1000)) {
      read++;
      yield row;
    }
  }
  const door = gate();
  const stage = defineStage({
    name: 'slow',
    process: async (batch: Row[]) => {
      await door.opened;
      return batch;
    },
  });
  const h = harness([stage], { source: rows(source()) as never, pipeline: { maxInFlight: 3 } });
  const started = h.event('batch.started');
  const run = h.start();
  await started;
  await h.stateManager.listCheckpoints();
  await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBeLessThanOrEqual(3 * 10 + 10);
  door.open();
  expect((await run).metrics.rowsOut).toBe(1000);
});

describe('I16: pause is a receipt', () => {
  test('what is in flight is finished, committed and covered by a checkpoint', async () => {
    const door = gate();
    const stage = defineStage({
      name: 's',
      concurrency: 2,
      process: async (batch: Row[]) => {
        await door.opened;
        return batch;
      },
    });
    const h = harness([stage], { pipeline: { maxInFlight: 3 } });
    const started = h.event('batch.started');
    const run = h.start();
    await started;
    const pausing = h.executor.pause();
    expect(h.executor.state).toBe('EXECUTING');
    door.open();
    const receipt = await pausing;
    expect(h.executor.state).toBe('PAUSED');
    expect(receipt).toMatchObject({
      sessionId: h.executor.sessionId,
      sinkPosition: { rows: receipt.rowsOut },
    });
    expect(receipt.rowsOut).toBe(h.sink.rows.length);
    const { checkpoint } = await h.stateManager.loadCheckpoint(receipt.sessionId);
    expect(checkpoint.state).toBe('PAUSED');
    expect(checkpoint.snapshot).toMatchObject({ context: { flushed: { batches: receipt.batches } } });
    h.executor.resume().catch(() => {});
    await run;
    expect(h.sink.rows).toEqual(numbers(100));
  });

  test('pausing twice gives the same receipt', async () => {
    const h = harness([map('s', (row: Row) => row)], { count: 5000 });
    const started = h.event('batch.started');
    h.start();
    await started;
    const [a, b] = await Promise.all([h.executor.pause(), h.executor.pause()]);
    expect(a).toEqual(b);
  });
});

describe('I17: cancel is immediate', () => {
  test('signals are aborted, nobody is waited for, the session can be resumed', async () => {
    const aborted: unknown[] = [];
    const stage = defineStage({
      name: 'stuck',
      concurrency: 2,
      process: (batch: Row[], { signal, batch: { index } }): Promise<Row[]> | Row[] => {
        if (index < 3) return batch;
        signal.addEventListener('abort', () => aborted.push(index));
        return new Promise(() => {});
      },
    });
    const h = harness([stage]);
    const stuck = h.event('batches.committed');
    const run = h.start();
    await stuck;
    const receipt = await h.executor.cancel();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    expect(aborted.length).toBeGreaterThan(0);
    expect(h.executor.state).toBe('IDLE');
    expect(await h.stateManager.canResume(receipt.sessionId)).toBe(true);
  });

  test('a source that never answers does not hold it up', async () => {
    const h = harness([map('s', (row: Row) => row)], {
      source: rows(
        (async function* () {
          yield { n: 0 };
          await new Promise(() => {});
        })(),
      ) as never,
      environment: { clock: manualClock() },
    });
    const started = h.event('pipeline.started');
    const run = h.start();
    await started;
    await h.executor.cancel();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
  });
});

describe('I11: observers are harmless', () => {
  test('one that throws, one that rejects, one that breaks its own stream', async () => {
    const h = harness([map('s', (row: Row) => row)]);
    h.executor
      .addObserver({
        next() {
          throw new Error('observer');
        },
      })
      .addObserver({ next: (async () => Promise.reject(new Error('observer'))) as () => void })
      .addObserver((events$) =>
        events$.subscribe(() => {
          throw new Error('observer');
        }),
      );
    const result = await h.start();
    expect(result.success).toBe(true);
    expect(h.events.at(-1)?.type).toBe('pipeline.completed');
  });
});

describe('I12: failure is honest', () => {
  const fails = (at: number, onError: 'fail' | 'skip' | 'dead-letter' = 'fail') =>
    map(
      'picky',
      (row: Row) => {
        if (row.n === at || at < 0) throw new RangeError(`bad number`);
        return row;
      },
      { onError },
    );

  test('the original error is the cause; a checkpoint is saved; the run goes on from it', async () => {
    let broken = true;
    const stage = map('picky', (row: Row) => {
      if (broken && row.n === 55) throw new RangeError('bad number');
      return row;
    });
    const h = harness([stage]);
    const error = await h.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RowError);
    expect((error as Error).cause).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain('picky');
    expect(h.executor.state).toBe('FAILED');
    const id = h.executor.sessionId as string;
    expect((await h.stateManager.loadCheckpoint(id)).checkpoint).toMatchObject({
      state: 'FAILED',
      error: { code: 'ROW_FAILED' },
    });
    broken = false;
    const result = await h.executor.resume();
    expect(result.sessionId).toBe(id);
    expect(h.sink.rows).toEqual(numbers(100));
  });

  test('execute from FAILED keeps the session and goes on from its checkpoint', async () => {
    let broken = true;
    const seen: number[] = [];
    const stage = map('picky', (row: Row) => {
      seen.push(row.n);
      if (broken && row.n === 75) throw new RangeError('bad number');
      return row;
    });
    const h = harness([stage]);
    await h.start().catch(() => {});
    const id = h.executor.sessionId;
    broken = false;
    seen.length = 0;
    const result = await h.start();
    expect(result.sessionId).toBe(id);
    expect(seen[0]).toBeGreaterThan(0);
    expect(h.sink.rows).toEqual(numbers(100));
  });

  test('skipped rows are counted and named; success and isComplete differ', async () => {
    const h = harness([fails(42, 'skip')]);
    const result = await h.start();
    expect(result).toMatchObject({ success: true, isComplete: false });
    expect(result.metrics).toMatchObject({ rowsIn: 100, rowsOut: 99, rowsSkipped: 1, rowsFailed: 1 });
    expect(result.errors).toEqual([{ stage: 'picky', batch: 4, row: 2, reason: 'RangeError: bad number' }]);
    expect(h.events.filter((e) => e.type === 'row.failed')).toHaveLength(1);
  });

  test('dead letters name row, batch, stage and error', async () => {
    const h = harness([fails(42, 'dead-letter')]);
    const result = await h.start();
    expect(result.metrics).toMatchObject({ rowsOut: 99, rowsDeadLettered: 1 });
    expect(h.sink.deadLettered.rows).toEqual([
      {
        stage: 'picky',
        batch: 4,
        rowOffset: 40,
        row: 2,
        error: { name: 'RangeError', code: 'RangeError', message: 'bad number' },
        value: { n: 42 },
      },
    ]);
  });

  test('errors that leave no output at all do not make a success', async () => {
    const h = harness([fails(-1, 'skip')]);
    const error = await h.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoUsableOutputError);
    expect(h.executor.state).toBe('FAILED');
  });

  test('a filter that drops everything, without errors, is a success', async () => {
    const h = harness([defineStage({ name: 'none', process: () => [] })]);
    expect(await h.start()).toMatchObject({ success: true, isComplete: true });
  });

  test('an empty input is a success', async () => {
    const h = harness([map('s', (row: Row) => row)], { count: 0 });
    expect(await h.start()).toMatchObject({
      success: true,
      isComplete: true,
      metrics: { rowsIn: 0, batches: 0 },
    });
  });
});

describe('retries', () => {
  test('backs off on the injected clock, then succeeds; rows that succeeded are not run again', async () => {
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
    const delays: number[] = [];
    h.executor.addObserver({
      next(event) {
        if (event.type !== 'batch.retried') return;
        delays.push(event.delayMs);
        queueMicrotask(() => clock.advance(event.delayMs));
      },
    });
    const result = await h.start();
    expect(delays).toEqual([100, 200]);
    expect(calls.get(3)).toBe(3);
    expect(calls.get(4)).toBe(1);
    expect(result.metrics.retries).toBe(2);
  });

  test('an attempt that outlives its timeout is aborted and tried again', async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    const stage = defineStage({
      name: 'slow',
      timeoutMs: 50,
      retry: { attempts: 2, initialDelayMs: 10, jitter: false },
      process: (batch: Row[], { attempt, signal }): Row[] | Promise<Row[]> => {
        signals.push(signal);
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
  });

  test('a batch that fails as a whole is skipped whole, and counted by rows', async () => {
    const stage = defineStage({
      name: 'whole',
      onError: 'skip',
      process: (batch: Row[], { batch: { index } }) => {
        if (index === 1) throw new Error('no');
        return batch;
      },
    });
    const h = harness([stage]);
    const result = await h.start();
    expect(result.metrics).toMatchObject({ rowsOut: 90, rowsSkipped: 10, rowsFailed: 10 });
    expect(h.events.filter((e) => e.type === 'batch.skipped')).toMatchObject([{ batch: 1, rows: 10 }]);
  });
});

test('what a batch stage threw is the cause of a StageError that says where', async () => {
  const thrown = new TypeError('no');
  const h = harness([
    defineStage({
      name: 'whole',
      process: () => {
        throw thrown;
      },
    }),
  ]);
  const error = await h.start().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(StageError);
  expect(error).toMatchObject({ cause: thrown, message: 'Stage "whole" failed over batch 0: no' });
});
