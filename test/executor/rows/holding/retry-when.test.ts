/**
 * `retry.when` decides what becomes of a failure, in every kind of stage:
 *
 * - another attempt, after the backoff or the time that it names; a loss without another attempt; the end of the run
 * - a `when` that throws or returns nonsense stops the run with an error that says so
 */
import { describe, expect, test } from 'vitest';
import { defineStage, map, type RetryDecision, StageError } from 'xstate-pipeline';
import { manualClock } from '../../../../src/testing/manual-clock.js';
import { harness, type Row, skipDelays } from '../../../support/runs.js';

type Decide = (error: unknown) => RetryDecision;

class Refused extends Error {
  constructor(readonly n: number) {
    super(`row ${n} was refused`);
  }
}

/** The kinds of stages; each fails at row 13 of 30, as often as `fails` says. */
const kinds = {
  'a batch stage': (when: Decide, calls: number[], fails: () => boolean, onError: 'fail' | 'skip') =>
    defineStage({
      name: 'call',
      onError,
      retry: { attempts: 3, when, jitter: false },
      process: async (batch: Row[]) => {
        for (const row of batch) {
          calls.push(row.n);
          if (row.n === 13 && fails()) throw new Refused(row.n);
        }
        return batch;
      },
    }),
  'a batch stage with failRow': (
    when: Decide,
    calls: number[],
    fails: () => boolean,
    onError: 'fail' | 'skip',
  ) =>
    defineStage({
      name: 'call',
      onError,
      retry: { attempts: 3, when, jitter: false },
      process: async (batch: Row[], { failRow }) =>
        batch.filter((row, i) => {
          calls.push(row.n);
          if (row.n !== 13 || !fails()) return true;
          failRow(i, new Refused(row.n));
          return false;
        }),
    }),
  'a row stage': (when: Decide, calls: number[], fails: () => boolean, onError: 'fail' | 'skip') =>
    map(
      'call',
      async (row: Row) => {
        calls.push(row.n);
        if (row.n === 13 && fails()) throw new Refused(row.n);
        return row;
      },
      { onError, retry: { attempts: 3, when, jitter: false } },
    ),
};

const always = () => true;
const times = (count: number) => () => count-- > 0;
const ofRow13 = (calls: number[]) => calls.filter((n) => n === 13).length;

describe.each(Object.entries(kinds))('%s', (kind, make) => {
  test('{ afterMs } waits for exactly this time, without jitter', async () => {
    const clock = manualClock();
    const calls: number[] = [];
    const stage = make(() => ({ afterMs: 7000 }), calls, times(2), 'fail');
    const h = harness([stage], { count: 30, environment: { clock } });
    const delays = skipDelays(h.executor, clock);
    const { metrics } = await h.start();
    expect(delays).toEqual([7000, 7000]);
    expect(metrics.rowsOut).toBe(30);
    expect(ofRow13(calls)).toBe(3);
  });

  test("'lose' is not tried again and follows onError", async () => {
    const calls: number[] = [];
    const h = harness([make(() => 'lose', calls, always, 'skip')], { count: 30 });
    const { metrics } = await h.start();
    expect(ofRow13(calls)).toBe(1);
    expect(metrics.rowsFailed).toBe(kind === 'a batch stage' ? 10 : 1);
    expect(metrics.retries).toBe(0);
  });

  test("'lose' fails the run at once, where onError is 'fail'", async () => {
    const calls: number[] = [];
    const h = harness([make(() => 'lose', calls, always, 'fail')], { count: 30 });
    await expect(h.start()).rejects.toThrow('row 13 was refused');
    expect(ofRow13(calls)).toBe(1);
  });

  test("'stop' fails the run with any onError, loses no row, and a resume makes the call again", async () => {
    const calls: number[] = [];
    const h = harness([make(() => 'stop', calls, times(1), 'skip')], { count: 30 });
    const error = await h.start().catch((thrown: unknown) => thrown as StageError);
    expect(error).toBeInstanceOf(StageError);
    expect((error as StageError).message).toMatch(
      /row 13 was refused\. Fix the cause, then resume the session: no row was lost\.$/,
    );
    expect((error as StageError).cause).toBeInstanceOf(Refused);
    expect(h.executor.state).toBe('FAILED');
    const { metrics } = await h.executor.resume();
    expect(metrics).toMatchObject({ rowsOut: 30, rowsFailed: 0 });
  });

  test.each<[string, Decide, string]>([
    [
      'throws',
      () => {
        throw new RangeError('a mistake');
      },
      'retry.when threw: a mistake. The failure that it was asked about: row 13 was refused',
    ],
    [
      'returns a promise',
      (() => Promise.resolve('retry')) as never,
      "retry.when must return 'retry', 'lose', 'stop', 'pause' or { afterMs: milliseconds from 0 }; it returned a promise",
    ],
    ['returns an unknown word', (() => 'later') as never, 'it returned a text'],
    ['returns a negative delay', () => ({ afterMs: -1 }), 'it returned an object'],
  ])('a `when` that %s stops the run', async (_, when, message) => {
    const calls: number[] = [];
    const h = harness([make(when, calls, always, 'skip')], { count: 30 });
    const error = await h.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StageError);
    expect((error as Error).message).toContain(message);
    expect(ofRow13(calls)).toBe(1);
  });
});

test('rows of one batch are decided about one by one; lost ones are not tried again', async () => {
  const clock = manualClock();
  const calls: number[] = [];
  const stage = map(
    'call',
    async (row: Row) => {
      calls.push(row.n);
      if (row.n === 3) throw new Refused(3);
      if (row.n === 5) throw new Error('busy');
      return row;
    },
    {
      onError: 'skip',
      retry: { attempts: 3, jitter: false, when: (error) => (error instanceof Refused ? 'lose' : 'retry') },
    },
  );
  const h = harness([stage], { count: 10, environment: { clock } });
  h.executor.addObserver({
    next(event) {
      if (event.type === 'batch.retried') queueMicrotask(() => clock.advance(event.delayMs));
    },
  });
  const { metrics, errors } = await h.start();
  expect(calls.filter((n) => n === 3)).toHaveLength(1);
  expect(calls.filter((n) => n === 5)).toHaveLength(3);
  expect(metrics).toMatchObject({ rowsOut: 8, rowsFailed: 2 });
  expect(errors.map(({ row, reason }) => [row, reason])).toEqual([
    [3, 'Error: row 3 was refused'],
    [5, 'Error: busy'],
  ]);
});

test('no row is called after one that stops the run', async () => {
  const calls: number[] = [];
  const stage = kinds['a row stage'](() => 'stop', calls, always, 'skip');
  const h = harness([stage], { count: 20 });
  await expect(h.start()).rejects.toThrow();
  expect(calls.slice(-1)).toEqual([13]);
});

test('without `attempts`, a stage with `when` tries five times', () => {
  expect(map('call', (row: Row) => row, { retry: { when: () => 'retry' } }).retry.attempts).toBe(5);
  expect(map('call', (row: Row) => row, { retry: {} }).retry.attempts).toBe(1);
});

test('a thrown Response says status and address without the query', async () => {
  const refused = new Response(null, { status: 401, statusText: 'Unauthorized' });
  Object.defineProperty(refused, 'url', { value: 'https://api.example/v1?key=secret' });
  const stage = defineStage({
    name: 'call',
    process: async (): Promise<Row[]> => {
      throw refused;
    },
  });
  const error = await harness([stage], { count: 10 })
    .start()
    .catch((thrown: unknown) => thrown as Error);
  expect((error as Error).message).toBe(
    'Stage "call" failed over batch 0: HTTP 401 Unauthorized from https://api.example/v1',
  );
});
