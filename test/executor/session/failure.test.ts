/** I12, failure is honest: the original error, a checkpoint to resume from, every lost row counted and named. */
import { expect, test } from 'vitest';
import { defineStage, map, NoUsableOutputError, RowError, StageError } from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../support/runs.js';

const fails = (at: number, onError: 'fail' | 'skip' | 'dead-letter' = 'fail') =>
  map(
    'picky',
    (row: Row) => {
      if (row.n === at || at < 0) throw new RangeError(`bad number`);
      return row;
    },
    { onError },
  );

test('the original error is the cause; a checkpoint is saved; the run resumes from it', async () => {
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

test('execute from FAILED keeps the session and continues from its checkpoint', async () => {
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
  const h = harness([fails(-1, 'skip')], { pipeline: { losses: false } });
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
