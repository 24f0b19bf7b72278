/**
 * Pins what a user's test counts on: time stands still, files are in memory, scripts are followed over retries, crashes and
 * restarts, and a crash loses what it would lose (I7, I8, I14).
 */
import { expect, test } from 'vitest';
import { collect, defineStage, map, pipeline, rows } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import {
  createTestExecutor,
  fail,
  loadSnapshot,
  modelPaths,
  replay,
  rerun,
  stall,
  succeed,
  TestingError,
  timeout,
} from 'xstate-pipeline/testing';

interface Row {
  readonly n: number;
}

const numbers = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const double = map('double', ({ n }: Row) => ({ n: n * 2 }));
const paid = defineStage({
  name: 'paid',
  durable: true,
  concurrency: 2,
  retry: { attempts: 3, initialDelayMs: 1_000 },
  timeoutMs: 60_000,
  process: async (rows: Row[]) => rows.map((row) => ({ ...row, paid: true })),
});
const whole = pipeline('numbers', { batchSize: 2, checkpointInterval: 4 })
  .from(jsonl<Row>('in.jsonl'))
  .pipe(double)
  .pipe(paid)
  .to(jsonl('out.jsonl'));
const files = { 'in.jsonl': lines(numbers(10)) };
const expected = numbers(10).map(({ n }) => ({ n: n * 2, paid: true }));
const batchesOf = (test: { invocations: readonly { stage: string; batch: number }[] }, stage: string) =>
  test.invocations.filter((one) => one.stage === stage).map(({ batch }) => batch);

test('a pipeline over files runs unchanged, without touching a disk', async () => {
  const test = createTestExecutor(whole, { files });
  const result = await test.execute();
  expect(result.metrics.rowsOut).toBe(10);
  expect(test.rows('out.jsonl')).toEqual(expected);
  expect(await test.output()).toEqual(expected);
  expect(await result.data.toArray()).toEqual(expected);
  expect(test.state).toBe('COMPLETED');
});

test('stages alone, and other sources and sinks', async () => {
  const alone = createTestExecutor<Row>([double], { rows: numbers(3) });
  await alone.execute();
  expect(alone.rows()).toEqual([{ n: 0 }, { n: 2 }, { n: 4 }]);
  const table = pipeline('table')
    .from(csv('in.csv'))
    .pipe(map('id', (row) => row))
    .to(csv('out.csv'));
  const csvTest = createTestExecutor(table, { files: { 'in.csv': 'a,b\n1,2\n' } });
  await csvTest.execute();
  expect(csvTest.text('out.csv')).toBe('a,b\n1,2\n');
  const inMemory = createTestExecutor(
    pipeline('memory')
      .from(rows(numbers(2)))
      .pipe(double)
      .to(collect()),
  );
  await inMemory.execute();
  expect(await inMemory.output()).toEqual([{ n: 0 }, { n: 2 }]);
});

test('a crash in the middle: what is journaled is not paid for twice, the output is the same', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 3: [stall()] } } });
  const run = test.execute();
  await test.settle();
  expect(test.state).toBe('EXECUTING');
  expect(test.text('out.jsonl')).toBeUndefined();
  test.crash({ powerLoss: true }).restart();
  await expect(run).rejects.toThrow(TestingError);
  expect(test.state).toBe('IDLE');
  await test.resume();
  expect(test.rows('out.jsonl')).toEqual(expected);
  expect(batchesOf(test, 'paid')).toEqual([0, 1, 2, 3, 4, 3]);
  const keys = test.invocations.filter((one) => one.stage === 'paid' && one.batch === 3);
  expect(keys.map(({ process }) => process)).toEqual([1, 2]);
  expect(new Set(keys.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
});

test('retries come when time has moved, not before', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [fail('503'), fail('503')] } } });
  const begun = test.now();
  test.execute();
  await test.settle();
  expect(batchesOf(test, 'paid').filter((batch) => batch === 1)).toHaveLength(1);
  await test.advance(10_000);
  expect(test.now()).toBe(begun + 10_000);
  expect(test.state).toBe('COMPLETED');
  expect(test.events.filter(({ type }) => type === 'batch.retried')).toHaveLength(2);
  expect(test.rows('out.jsonl')).toEqual(expected);
});

test('a batch that fails every time fails the run, with the error it was given', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: fail('no credit') } } });
  const run = test.execute();
  await test.advance(60_000);
  await expect(run).rejects.toThrow('no credit');
  expect(test.state).toBe('FAILED');
});

test('a timeout ends the attempt when its time is over', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 0: [timeout()] } } });
  test.execute();
  await test.advance(59_999);
  expect(test.state).toBe('EXECUTING');
  await test.advance(10_000);
  expect(test.state).toBe('COMPLETED');
});

test('a stalled batch is let go', async () => {
  const test = createTestExecutor(whole, { files, script: { double: { otherwise: stall() } } });
  test.execute();
  await expect(test.release('paid')).rejects.toThrow('Nothing is stalled in "paid"');
  while (test.state === 'EXECUTING') await test.release('double');
  expect(test.rows('out.jsonl')).toEqual(expected);
});

test('a stand-in instead of the function', async () => {
  const answer = (rows: Row[]) => rows.map(({ n }) => ({ n, paid: false }));
  const test = createTestExecutor(whole, { files, script: { paid: { otherwise: succeed(answer) } } });
  await test.execute();
  expect(test.rows('out.jsonl')).toEqual(expected.map((row) => ({ ...row, paid: false })));
});

test('pause, cancel and resume, and the stored checkpoint', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 2: [stall()] } } });
  test.execute();
  await test.settle();
  const paused = test.pause();
  await test.release();
  const receipt = await paused;
  expect(test.state).toBe('PAUSED');
  expect(test.checkpoint()?.storedState).toBe('PAUSED');
  expect(test.checkpoint()?.snapshot.context.flushed.batches).toBe(receipt.batches);
  await test.cancel();
  expect(test.state).toBe('IDLE');
  test.crash().restart();
  await test.resume();
  expect(test.rows('out.jsonl')).toEqual(expected);
});

test('whenever it crashes, at every other operation of the disk, in every way: the same output', async () => {
  const golden = createTestExecutor(whole, { files });
  await golden.execute();
  const operations = golden.disk.operations.length;
  for (const powerLoss of [false, true, 'partly'] as const) {
    for (let n = 1; n <= operations; n += 2) {
      const test = createTestExecutor(whole, { files, seed: n });
      test.disk.cutAt(n);
      test.execute();
      await test.settle();
      test.crash({ powerLoss }).restart();
      await test.resume().catch(() => test.execute());
      expect(test.rows('out.jsonl'), `operation ${n}, power loss: ${powerLoss}`).toEqual(expected);
    }
  }
});

test('a seed gives the same run', async () => {
  const once = async (seed: number) => {
    const test = createTestExecutor(whole, { files, seed, script: { paid: { 1: [fail(), fail()] } } });
    test.execute();
    await test.advance(60_000);
    return JSON.stringify(test.events);
  };
  expect(await once(7)).toBe(await once(7));
  expect(await once(7)).not.toBe(await once(8));
});

test('a stored checkpoint is found and gone on with', async () => {
  const first = createTestExecutor(whole, { files, script: { paid: { 4: [stall()] } } });
  first.execute();
  await first.settle();
  const snapshot = first.checkpoint();
  if (snapshot === undefined) throw new Error('nothing was stored');
  const part = { 'out.jsonl.part': first.text('out.jsonl.part') ?? '' };
  const second = createTestExecutor(whole, { files: { ...files, ...part }, snapshot });
  await second.resume();
  expect(second.rows('out.jsonl')).toEqual(expected);
  expect(batchesOf(second, 'double')[0]).toBe(snapshot.snapshot.context.flushed.batches);
});

test('what cannot be is said', async () => {
  expect(() => createTestExecutor(whole, { script: { pade: {} } })).toThrow(
    'There is no stage "pade" to script; there are double, paid.',
  );
  expect(() => createTestExecutor(whole, { script: { double: { 1: timeout() } } })).toThrow(
    'has no timeoutMs',
  );
  const test = createTestExecutor(whole, { files });
  expect(() => test.restart()).toThrow('has not crashed');
  test.crash();
  expect(() => test.crash()).toThrow('has crashed already');
  await expect(test.execute()).rejects.toThrow('call restart() first');
  const without = createTestExecutor(whole);
  await expect(without.execute()).rejects.toThrow('in.jsonl');
  const snapshot = await loadSnapshot('examples/05-replay-a-snapshot/killed-while-executing.json');
  expect(() => createTestExecutor(whole, { snapshot })).toThrow('no session');
});

test('what JavaScript lets through is said: no pipeline, a mistyped script, a time that is none', async () => {
  // As `import { default as whole } from …` of a file without one gives it.
  expect(() => createTestExecutor(undefined as never)).toThrow('That is no pipeline');
  expect(() => modelPaths({} as never)).toThrow('That is no pipeline');
  await expect(replay(undefined as never, 'any.jsonl')).rejects.toThrow('That is no pipeline');
  await expect(rerun(undefined as never, 'any', { from: 0 })).rejects.toThrow('That is no pipeline');
  const scripted = (script: unknown) => () =>
    createTestExecutor(whole, { script: { paid: script as never } });
  expect(scripted({ otherwize: stall() })).toThrow('or otherwise; not otherwize');
  expect(scripted({ 1: 'stall' })).toThrow('for batch 1 takes succeed(), fail(), stall(), timeout()');
  expect(scripted({ otherwise: [stall] })).toThrow('for otherwise takes');
  expect(scripted(stall())).toThrow('names batches');
  const test = createTestExecutor(whole, { files });
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    await expect(test.advance(ms)).rejects.toThrow(`not ${ms}`);
});

test('rows() are those of the pipeline’s own file; of a sink that writes none, it says so', async () => {
  const from = () => pipeline('p').from(jsonl<Row>('in.jsonl'));
  const elsewhere = createTestExecutor(from().to(jsonl('elsewhere.jsonl')), { files });
  await elsewhere.execute();
  expect(elsewhere.rows()).toEqual(numbers(10));
  const collected = createTestExecutor(from().to(collect()), { files });
  await collected.execute();
  expect(() => collected.rows()).toThrow('output() tells its rows');
});

test('a script is used up over a failed run and its resume in the same process', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [fail(), fail(), fail()] } } });
  test.execute();
  await test.advance(60_000);
  expect(test.state).toBe('FAILED');
  test.resume();
  await test.advance(60_000);
  expect(test.state).toBe('COMPLETED');
});
