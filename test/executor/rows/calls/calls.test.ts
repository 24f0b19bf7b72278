/**
 * I20: a batch is cut into calls, and no finished call is ever made again:
 *
 * - `rowsPerCall` rows a call, `concurrency` calls at once over all batches, rows out in order (I4);
 * - a failed call leaves its neighbours alone: it alone is tried again, and its rows alone are lost;
 * - in a durable stage, another process takes each journaled call, and makes the others with the same idempotency keys;
 * - a call's record is used for its very rows (I26), and a time limit is that of a call.
 */
import { describe, expect, test } from 'vitest';
import {
  type AnyStage,
  defineStage,
  map,
  memoryStorage,
  rows,
  type StageContext,
  StateManager,
} from 'xstate-pipeline';
import { manualClock } from '../../../../src/testing/manual-clock.js';
import { gate, harness, numbers, type Row } from '../../../support/runs.js';

interface Made {
  readonly rows: readonly number[];
  readonly key: string;
  readonly attempt: number;
}

interface World {
  readonly rowsPerCall?: number;
  readonly concurrency?: number;
  readonly durable?: boolean;
  readonly onError?: 'fail' | 'skip' | 'dead-letter';
  readonly attempts?: number;
  readonly answer?: (rows: readonly number[], context: StageContext) => unknown;
}

/** A stage of each kind whose calls are kept in `made`. */
const kinds = {
  'a batch stage': (made: Made[], { rowsPerCall = 3, answer, attempts = 1, ...options }: World): AnyStage =>
    defineStage({
      ...{ name: 'paid', rowsPerCall, retry: { attempts, initialDelayMs: 0 }, ...options },
      process: async (batch: Row[], context) => {
        const numbers = batch.map(({ n }) => n);
        made.push({ rows: numbers, key: context.idempotencyKey, attempt: context.attempt });
        await answer?.(numbers, context);
        return batch;
      },
    }),
  'a row stage': (made: Made[], { answer, attempts = 1, concurrency = 1, rowsPerCall, ...options }: World) =>
    map(
      'paid',
      async (row: Row, context) => {
        made.push({ rows: [row.n], key: context.idempotencyKey, attempt: context.attempt });
        await answer?.([row.n], context);
        return row;
      },
      { retry: { attempts, initialDelayMs: 0 }, rowConcurrency: concurrency, ...options },
    ),
};

const rowsOf = (made: readonly Made[]) => made.flatMap((call) => call.rows).sort((a, b) => a - b);
const counted = (count: number) => numbers(count).map(({ n }) => n);

test('a batch is cut into calls of rowsPerCall rows; concurrency counts calls over all batches', async () => {
  const made: Made[] = [];
  let active = 0;
  let most = 0;
  const stage = kinds['a batch stage'](made, {
    concurrency: 5,
    answer: async () => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setImmediate(resolve));
      active--;
    },
  });
  const h = harness([stage], { count: 50 });
  const result = await h.start();
  expect(await result.data.toArray()).toEqual(numbers(50));
  expect(made.slice(0, 4).map((call) => call.rows)).toEqual([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]);
  expect(made).toHaveLength(20);
  expect(most).toBe(5);
  expect(new Set(made.map(({ key }) => key)).size).toBe(20);
});

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test('only the failed call is tried again, and its rows alone are lost', async () => {
    for (const durable of [true, false]) {
      const made: Made[] = [];
      const answer = (n: readonly number[]) => {
        if (n.includes(4)) throw new Error('refused');
      };
      const h = harness([make(made, { durable, attempts: 3, onError: 'skip', answer })], { count: 10 });
      const result = await h.start();
      const failed = made.filter((call) => call.rows.includes(4));
      expect(failed.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(new Set(failed.map(({ key }) => key)).size).toBe(1);
      expect(rowsOf(made.filter(({ attempt }) => attempt === 1))).toEqual(counted(10));
      const lost = failed[0]?.rows ?? [];
      expect(await result.data.toArray()).toEqual(numbers(10).filter(({ n }) => !lost.includes(n)));
      expect(result.metrics).toMatchObject({ rowsFailed: lost.length, retries: 2 });
    }
  });

  test('another process takes the calls from the journal and makes the missing ones with the same keys', async () => {
    const storage = memoryStorage();
    const made: Made[] = [];
    const never = gate();
    const reached = gate();
    let ended = 0;
    const options = (isFirst: boolean): World => ({
      durable: true,
      concurrency: 4,
      onError: 'skip',
      answer: async (n, { signal }) => {
        if (n.includes(2)) throw new Error('refused');
        if (!isFirst) return;
        // The last rows of each batch hang.
        if (n.some((one) => one % 10 > 6)) {
          await Promise.race([
            never.opened,
            new Promise((resolve) => signal.addEventListener('abort', resolve)),
          ]);
          return;
        }
        ended++;
        if (ended >= 2) reached.open();
      },
    });
    const h = harness([make(made, options(true))], { count: 20, stateManager: new StateManager(storage) });
    const run = h.start();
    await reached.opened;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    await h.executor.cancel();
    await run.catch(() => {});
    const before = made.splice(0);
    const again: Made[] = [];
    const second = harness([make(again, options(false))], { stateManager: new StateManager(storage) });
    const result = await second.executor.resume(h.executor.sessionId, {
      source: rows(numbers(20)),
      sink: h.sink,
    });
    const lost = before.find((call) => call.rows.includes(2))?.rows ?? [];
    expect(await result.data.toArray()).toEqual(numbers(20).filter(({ n }) => !lost.includes(n)));
    expect(result.metrics.rowsFailed).toBe(lost.length);
    const hung = before.filter((call) => call.rows.some((n) => n % 10 > 6));
    const done = before.filter((call) => !hung.includes(call));
    expect(done.length).toBeGreaterThan(1);
    const finished = new Set(done.flatMap((call) => call.rows));
    const repeated = again.filter((call) => call.rows.some((n) => finished.has(n)));
    expect(repeated).toEqual([]);
    for (const call of hung) expect(again.map(({ key }) => key)).toContain(call.key);
    expect(rowsOf([...done, ...again])).toEqual(counted(20));
  });
});

test('a call that takes too long fails alone', async () => {
  const made: Made[] = [];
  const clock = manualClock();
  const stage = defineStage({
    ...{ name: 'slow', rowsPerCall: 5, concurrency: 2, timeoutMs: 100, onError: 'skip' },
    process: async (batch: Row[], { signal }) => {
      made.push({ rows: batch.map(({ n }) => n), key: '', attempt: 1 });
      if (batch[0]?.n !== 5) return batch;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return batch;
    },
  });
  const h = harness([stage], { count: 10, environment: { clock } });
  const run = h.start();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(100);
  const result = await run;
  expect(await result.data.toArray()).toEqual(numbers(5));
  expect(result.metrics.rowsFailed).toBe(5);
  expect(made).toHaveLength(2);
});

test('a plain function that returns promises makes calls; one that does not is journaled once a batch', async () => {
  for (const isAsync of [true, false]) {
    const storage = memoryStorage();
    const calls: number[] = [];
    const stage = map(
      'plain',
      (row: Row) => {
        calls.push(row.n);
        return isAsync ? Promise.resolve(row) : row;
      },
      { durable: true },
    );
    const keys: (number | undefined)[] = [];
    const watched = {
      ...storage,
      async journal(sessionId: string, epoch: number) {
        const journal = await storage.journal(sessionId, epoch);
        const append: typeof journal.append = (key, payload) => {
          if (key.stage === 'plain') keys.push(key.call);
          return journal.append(key, payload);
        };
        return { ...journal, append };
      },
    };
    const h = harness([stage], { count: 20, stateManager: new StateManager(watched) });
    const result = await h.start();
    expect(await result.data.toArray()).toEqual(numbers(20));
    expect(calls.sort((a, b) => a - b)).toEqual(counted(20));
    expect(keys.filter((call) => call === undefined)).toHaveLength(2);
    expect(keys.filter((call) => call !== undefined)).toHaveLength(isAsync ? 20 : 0);
  }
});
