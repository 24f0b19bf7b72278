/**
 * Pins the test executor: a manual clock, files in memory, scripts that apply over retries, crashes and restarts, and crashes
 * that lose what a real one loses (I7, I8, I14).
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

test('after a crash, journaled batches are not invoked again and the output is the same', async () => {
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

test('a retry waits for the clock', async () => {
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

test('a batch that always fails ends the run with its error', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: fail('no credit') } } });
  const run = test.execute();
  await test.advance(60_000);
  await expect(run).rejects.toThrow('no credit');
  expect(test.state).toBe('FAILED');
});

test('a timeout ends the attempt when the clock reaches it', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 0: [timeout()] } } });
  test.execute();
  await test.advance(59_999);
  expect(test.state).toBe('EXECUTING');
  await test.advance(10_000);
  expect(test.state).toBe('COMPLETED');
});

test('release lets a stalled batch continue', async () => {
  const test = createTestExecutor(whole, { files, script: { double: { otherwise: stall() } } });
  test.execute();
  await expect(test.release('paid')).rejects.toThrow('No invocation is stalled in stage "paid"');
  while (test.state === 'EXECUTING') await test.release('double');
  expect(test.rows('out.jsonl')).toEqual(expected);
});

test('succeed(answer) replaces the function', async () => {
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

test('a crash of any kind at every fourth disk operation leaves the same output', {
  timeout: 60_000,
}, async () => {
  const golden = createTestExecutor(whole, { files });
  await golden.execute();
  const operations = golden.disk.operations.length;
  for (const powerLoss of [false, true, 'partly'] as const) {
    for (let n = 1; n <= operations; n += 4) {
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

test('a stored checkpoint is resumed', async () => {
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

test('impossible requests are refused', async () => {
  expect(() => createTestExecutor(whole, { script: { pade: {} } })).toThrow(
    'The script names an unknown stage "pade". Stages: double, paid.',
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
  expect(() => createTestExecutor(whole, { snapshot })).toThrow('not a session');
});

test('wrong arguments from JavaScript are refused: a pipeline, a script, a time', async () => {
  // The value of `import { default as whole } from …` for a file without a default export.
  expect(() => createTestExecutor(undefined as never)).toThrow('The first argument is not a pipeline');
  expect(() => modelPaths({} as never)).toThrow('The first argument is not a pipeline');
  await expect(replay(undefined as never, 'any.jsonl')).rejects.toThrow(
    'The first argument is not a pipeline',
  );
  await expect(rerun(undefined as never, 'any', { from: 0 })).rejects.toThrow(
    'The first argument is not a pipeline',
  );
  const scripted = (script: unknown) => () =>
    createTestExecutor(whole, { script: { paid: script as never } });
  expect(scripted({ otherwize: stall() })).toThrow('has the key otherwize. Use a batch index');
  expect(scripted({ 1: 'stall' })).toThrow(
    'a wrong value for batch 1. Use succeed(), fail(), stall(), timeout()',
  );
  expect(scripted({ otherwise: [stall] })).toThrow('a wrong value for otherwise');
  expect(scripted(stall())).toThrow('has the key kind');
  const test = createTestExecutor(whole, { files });
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    await expect(test.advance(ms)).rejects.toThrow(`advance got ${ms}`);
});

test('rows() reads the pipeline’s own file; a sink without a file is refused', async () => {
  const from = () => pipeline('p').from(jsonl<Row>('in.jsonl'));
  const elsewhere = createTestExecutor(from().to(jsonl('elsewhere.jsonl')), { files });
  await elsewhere.execute();
  expect(elsewhere.rows()).toEqual(numbers(10));
  const collected = createTestExecutor(from().to(collect()), { files });
  await collected.execute();
  expect(() => collected.rows()).toThrow('or use output()');
});

test('a script continues over a failed run and its resume in the same process', async () => {
  const test = createTestExecutor(whole, { files, script: { paid: { 1: [fail(), fail(), fail()] } } });
  test.execute();
  await test.advance(60_000);
  expect(test.state).toBe('FAILED');
  test.resume();
  await test.advance(60_000);
  expect(test.state).toBe('COMPLETED');
});
