/**
 * `fold` and `distinct`: state by key over the whole session.
 *
 * Pinned: I4 (batches are stepped in source order, whatever the concurrency before), I3 (the checkpoint does not grow with the keys),
 * I12 (rows that were lost are not counted), and that a row that fails changes nothing.
 */
import { expect, test, vi } from 'vitest';
import {
  collect,
  defineStage,
  distinct,
  filter,
  fold,
  InvalidOptionError,
  map,
  memoryStorage,
  PipelineExecutor,
  pipeline,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { localStorageStorage } from 'xstate-pipeline/browser';
import { FakeLocalStorage } from '../../support/fake-local-storage.js';
import { gate, harness, numbers, type Row } from '../../support/runs.js';

const parity = ({ n }: Row) => (n % 2 === 0 ? 'even' : 'odd');

function sums(to = collect<unknown>(), options: object = {}) {
  const stage = fold('sums', {
    key: parity,
    init: () => 0,
    step: (sum: number, { n }: Row) => sum + n,
    to,
    ...options,
  });
  return { stage, to };
}

const expectedSums = (count: number) => [
  { key: 'even', value: numbers(count).reduce((sum, { n }) => sum + (n % 2 === 0 ? n : 0), 0) },
  { key: 'odd', value: numbers(count).reduce((sum, { n }) => sum + (n % 2 === 0 ? 0 : n), 0) },
];

/** Later batches finish earlier: batches of 10 rows, 4 at once. */
const shuffled = () => {
  const turns = new Map<number, () => void>();
  return defineStage({
    name: 'shuffled',
    concurrency: 4,
    process: async (batch: Row[], { batch: { index } }) => {
      if (index % 4 !== 3 && index < 8) await new Promise<void>((resolve) => turns.set(index, resolve));
      for (const [waiting, resolve] of [...turns].reverse()) {
        turns.delete(waiting);
        resolve();
        await Promise.resolve();
      }
      return batch;
    },
  });
};

test('a fold passes every row, and writes a row for each key', async () => {
  const { stage, to } = sums();
  const h = harness([stage]);
  const result = await h.start();
  expect(await result.data.toArray()).toEqual(numbers(100));
  expect(to.rows).toEqual(expectedSums(100));
});

test('without a key all rows share one state; result makes the row', async () => {
  const to = collect<{ rows: number }>();
  const stage = fold('count', {
    init: () => 0,
    step: (count: number, _row: Row) => count + 1,
    result: (count) => ({ rows: count }),
    to,
  });
  await harness([stage]).start();
  expect(to.rows).toEqual([{ rows: 100 }]);
});

test('distinct passes the first row of each key, over all batches', async () => {
  const h = harness([distinct('once', ({ n }: Row) => n % 7)]);
  const result = await h.start();
  expect(await result.data.toArray()).toEqual(numbers(7));
});

test('keys are told apart by type and by value', async () => {
  const keys = [1, '1', true, 'true', null, 'null', [1], '[1]', { a: 1, b: 2 }, { b: 2, a: 1 }, '\u0000[1]'];
  const source = keys.map((key, n) => ({ n, key }));
  const sink = collect<{ n: number; key: unknown }>();
  const stage = distinct('once', ({ key }: { key: unknown }) => key);
  await pipeline('keys')
    .from([...source, ...source])
    .pipe(stage)
    .to(sink)
    .run({ stateManager: new StateManager(memoryStorage()) });
  expect(sink.rows.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 10]);
});

test('batches are stepped in source order, although later ones arrive first', async () => {
  const to = collect<unknown>();
  const order = fold('order', {
    init: () => [] as number[],
    step: (seen: number[], { n }: Row) => [...seen, n],
    to,
  });
  const h = harness([shuffled(), order], { pipeline: { maxInFlight: 12 } });
  const result = await h.start();
  expect(await result.data.toArray()).toEqual(numbers(100));
  expect(to.rows).toEqual([{ key: null, value: numbers(100).map(({ n }) => n) }]);
});

test('a batch that arrives long before an earlier one waits for its turn', async () => {
  const first = gate();
  const slow = defineStage({
    name: 'slow',
    concurrency: 4,
    process: async (batch: Row[], { batch: { index } }) => {
      if (index === 0) await first.opened;
      return batch;
    },
  });
  const h = harness([slow, distinct('one', () => 'the same key')]);
  const running = h.start();
  await h.event('batch.completed', (event) => 'batch' in event && event.batch === 2);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  first.open();
  expect(await (await running).data.toArray()).toEqual(numbers(1));
});

test('a pause does not wait for a batch that waits for an earlier one, and nothing is stepped twice', async () => {
  const { stage, to } = sums();
  const first = gate();
  const slow = defineStage({
    name: 'slow',
    concurrency: 4,
    retry: { attempts: 2, initialDelayMs: 1 },
    process: async (batch: Row[], { batch: { index }, attempt }) => {
      if (index === 0 && attempt === 1) {
        await first.opened;
        throw new Error('again');
      }
      return batch;
    },
  });
  const h = harness([slow, stage]);
  const running = h.start();
  await h.event('batch.completed', (event) => 'batch' in event && event.batch === 3);
  const paused = h.executor.pause();
  first.open();
  await paused;
  expect(h.executor.state).toBe('PAUSED');
  await h.executor.resume();
  await running;
  expect(to.rows).toEqual(expectedSums(100));
});

test('rows that were lost before it are not counted, and a row whose step throws changes nothing', async () => {
  const to = collect<unknown>();
  const bad = map(
    'bad',
    (row: Row) => {
      if (row.n === 4) throw new Error('lost before');
      return row;
    },
    { onError: 'skip' },
  );
  const stage = fold('seen', {
    key: parity,
    init: () => ({ seen: [] as number[] }),
    step(state: { seen: number[] }, { n }: Row) {
      // In place, and before the error: the state must not keep it.
      state.seen.push(n);
      if (n === 6 || n === 13) throw new Error('lost here');
      return state;
    },
    onError: 'skip',
    to,
  });
  const h = harness([bad, stage], { count: 20 });
  const result = await h.start();
  expect(to.rows).toEqual([
    { key: 'even', value: { seen: [0, 2, 8, 10, 12, 14, 16, 18] } },
    { key: 'odd', value: { seen: [1, 3, 5, 7, 9, 11, 15, 17, 19] } },
  ]);
  expect(result.errors.map(({ stage: of }) => of)).toEqual(['bad', 'seen', 'seen']);
  expect((await result.data.toArray()).length).toBe(17);
});

test.each([
  ['undefined', () => undefined, /step returned undefined/],
  ['NaN', () => Number.NaN, /the state is NaN/],
  ['a date', () => ({ at: new Date(0) }), /the state\.at is an instance of a class/],
  ['a promise', async () => 1, /the state is a promise/],
  ['a Map', () => [new Map()], /the state\[0\] is an instance of a class/],
])('a state that is %s ends the run with a code, whatever onError is', async (_, step, message) => {
  const stage = fold('bad', {
    init: () => 0,
    step: step as () => number,
    to: collect<unknown>(),
    onError: 'skip',
  });
  await expect(harness([stage]).start()).rejects.toMatchObject({
    code: 'INVALID_STATE',
    message: expect.stringMatching(message),
  });
});

test('a key that is not JSON is a failed row', async () => {
  const stage = distinct('once', ({ n }: Row) => (n === 3 ? undefined : n), { onError: 'skip' });
  const result = await harness([stage], { count: 5 }).start();
  expect(result.errors).toHaveLength(1);
  await expect(harness([distinct('once', () => undefined)]).start()).rejects.toMatchObject({
    code: 'ROW_FAILED',
    message: expect.stringContaining('A key is a text, a number, or another JSON value'),
  });
});

test.each([
  [
    'an unknown option',
    () => fold('x', { init: () => 0, step: () => 0, to: collect(), kee: 1 } as never),
    /unknown option "kee"/,
  ],
  ['no sink', () => fold('x', { init: () => 0, step: () => 0 } as never), /writes to a sink/],
  ['no step', () => fold('x', { init: () => 0, to: collect() } as never), /step must be a function/],
  ['no key', () => distinct('x', undefined as never), /key must be a function/],
  ['retry', () => distinct('x', () => 1, { retry: {} } as never), /unknown option "retry"/],
])('%s is refused where the stage is defined', (_, define, message) => {
  expect(define).toThrow(InvalidOptionError);
  expect(define).toThrow(message);
});

test('a storage without keyed state is refused with the stages that need it', async () => {
  const { stateLogs: _, ...storage } = memoryStorage();
  const h = harness([sums().stage], { stateManager: new StateManager(storage) });
  await expect(h.start()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('fold and distinct'),
  });
});

test.each([
  ['memory', () => memoryStorage()],
  ['localStorage', () => localStorageStorage()],
])('another executor resumes the state: %s', async (_, storage) => {
  vi.stubGlobal('localStorage', new FakeLocalStorage());
  try {
    const stateManager = new StateManager(storage(), { checkpointInterval: 20 });
    const { stage, to } = sums();
    const once = distinct('once', ({ n }: Row) => n % 60);
    const h = harness([once, stage], { stateManager });
    const running = h.start();
    await h.event('batches.committed', (event) => 'upTo' in event && event.upTo >= 2);
    const { sessionId } = await h.executor.cancel();
    await running.catch(() => {});
    const other = new PipelineExecutor<Row>([once, stage], stateManager, [], { logger: silentLogger });
    const result = await other.resume(sessionId, { name: 'test', source: rows(numbers(100)), sink: h.sink });
    expect(await result.data.toArray()).toEqual(numbers(60));
    expect(to.rows).toEqual(expectedSums(60));
  } finally {
    vi.unstubAllGlobals();
  }
});

test('a second run starts with an empty state', async () => {
  const { stage, to } = sums();
  const h = harness([distinct('once', ({ n }: Row) => n), stage]);
  await h.start();
  await harness([stage], { count: 10 }).start();
  expect(to.rows).toEqual(expectedSums(10));
});

test('the checkpoint has the same size for a few keys and for many', async () => {
  const sizes = await Promise.all(
    [3, 2_000].map(async (keys) => {
      const h = harness([distinct('once', ({ n }: Row) => n % keys), filter('none', () => true)], {
        count: 2_000,
      });
      await h.start();
      return Math.max(...h.events.map((event) => ('bytes' in event ? Number(event.bytes) : 0)));
    }),
  );
  expect(Math.abs((sizes[0] as number) - (sizes[1] as number))).toBeLessThan(64);
});
