/**
 * `context.failRow`: one row of a batch stage fails, its batch does not. The row follows the stage's `onError`. With `retry`, the
 * failed rows alone are tried again, with a key of their own (I26), and their output stands in its place (I4).
 */
import { describe, expect, test } from 'vitest';
import { defineStage } from 'xstate-pipeline';
import * as z from 'zod';
import { harness, numbers, type Row } from '../../support/runs.js';

const odd = new Error('13 is unlucky');

function stageWith(options: object, isBad = (n: number, _attempt: number) => n % 10 === 3) {
  return defineStage({
    name: 's',
    process: async (batch: Row[], { failRow, attempt }) =>
      batch.filter(({ n }, i) => {
        if (!isBad(n, attempt)) return true;
        failRow(i, odd);
        return false;
      }),
    ...options,
  });
}

test.each([true, false])(
  'skip: the row is lost and named, its neighbours are not (durable %s)',
  async (durable) => {
    const h = harness([stageWith({ onError: 'skip', durable })], { count: 20 });
    const { metrics, errors } = await h.start();
    expect(h.sink.rows).toEqual(numbers(20).filter(({ n }) => n % 10 !== 3));
    expect(metrics).toMatchObject({ rowsIn: 20, rowsOut: 18, rowsFailed: 2 });
    expect(errors.map(({ batch, row, reason }) => [batch, row, reason])).toEqual([
      [0, 3, 'Error: 13 is unlucky'],
      [1, 3, 'Error: 13 is unlucky'],
    ]);
  },
);

test('dead-letter: the row goes there', async () => {
  const h = harness([stageWith({ onError: 'dead-letter' })], { count: 10 });
  await h.start();
  expect(h.sink.deadLettered.rows).toMatchObject([{ stage: 's', batch: 0, row: 3, value: { n: 3 } }]);
});

test('fail: the run ends with the row, and the reported error is the cause', async () => {
  const error = await harness([stageWith({})], { count: 10 })
    .start()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ROW_FAILED', stage: 's', index: 3, cause: odd });
});

const retry = { attempts: 3, initialDelayMs: 0, jitter: false };

/** A stage that remembers what each call was given, and answers each row with the attempt that made it. */
function paidStage(fails: (n: number, attempt: number) => boolean, options: object = {}) {
  const calls: { given: number[]; key: string }[] = [];
  const stage = defineStage({
    name: 's',
    retry,
    process: async (batch: Row[], { failRow, attempt, idempotencyKey }) => {
      calls.push({ given: batch.map(({ n }) => n), key: idempotencyKey });
      return batch.flatMap(({ n }, i) => {
        if (!fails(n, attempt)) return [{ n, attempt }];
        failRow(i, odd);
        return [];
      });
    },
    ...options,
  });
  return { stage, calls, given: () => calls.map(({ given }) => given) };
}

const all = [...Array(10).keys()];

const made = (attempts: Readonly<Record<number, number>>) =>
  all.filter((n) => attempts[n] !== 0).map((n) => ({ n, attempt: attempts[n] ?? 1 }));

describe.each([{}, { rowsPerCall: 10 }, { durable: true }, { durable: true, rowsPerCall: 10 }])(
  'retry, %o',
  (options) => {
    test('the failed rows alone are tried again; their output stands in its place', async () => {
      const fails = (n: number, attempt: number) => n % 3 === 0 && n >= 3 * attempt;
      const { stage, calls, given } = paidStage(fails, { ...options, onError: 'skip' });
      const h = harness([stage], { count: 10 });
      const { metrics, errors } = await h.start();
      expect(given()).toEqual([all, [3, 6, 9], [6, 9]]);
      expect(new Set(calls.map(({ key }) => key)).size).toBe(3);
      expect(h.sink.rows).toEqual(made({ 3: 2, 6: 3, 9: 0 }));
      expect(metrics).toMatchObject({ rowsOut: 9, retries: 2, rowsFailed: 1 });
      expect(errors.map(({ row }) => row)).toEqual([9]);
    });

    test('later attempts fail as a whole: the rows that succeeded before stay', async () => {
      const { stage } = paidStage(
        (n, attempt) => {
          if (attempt > 1) throw new Error('the service is down');
          return n > 6;
        },
        { ...options, onError: 'skip' },
      );
      const h = harness([stage], { count: 10 });
      const { errors } = await h.start();
      expect(h.sink.rows).toEqual(made({ 7: 0, 8: 0, 9: 0 }));
      expect(errors.map(({ row, reason }) => [row, reason])).toEqual(
        [7, 8, 9].map((n) => [n, 'Error: the service is down']),
      );
    });

    test('a stage that returns fewer rows than it did not report gets all rows again', async () => {
      const calls: number[][] = [];
      const filter = defineStage({
        name: 's',
        retry,
        ...options,
        process: async (batch: Row[], { failRow, attempt }) => {
          calls.push(batch.map(({ n }) => n));
          if (attempt === 1) failRow(3, odd);
          return batch.filter(({ n }) => n % 2 === 0);
        },
      });
      const h = harness([filter], { count: 10 });
      await h.start();
      expect(calls).toEqual([all, all]);
      expect(h.sink.rows).toEqual(numbers(10).filter(({ n }) => n % 2 === 0));
    });

    test('a stage that does so at the second attempt is called for all rows once more', async () => {
      const calls: number[][] = [];
      const twins = defineStage({
        name: 's',
        retry,
        ...options,
        process: async (batch: Row[], { failRow, attempt }) => {
          calls.push(batch.map(({ n }) => n));
          if (attempt > 1) return batch.flatMap((row) => [row, row]);
          failRow(3, odd);
          return batch.filter((_, i) => i !== 3);
        },
      });
      const h = harness([twins], { count: 10 });
      await h.start();
      expect(calls).toEqual([all, [3], all]);
      expect(h.sink.rows).toEqual(numbers(10).flatMap((row) => [row, row]));
    });
  },
);

test('the index is that of the rows given to process; the loss names the row of the batch', async () => {
  const input = z.object({ n: z.number().min(2) });
  const stage = defineStage({
    ...{ name: 's', input, onError: 'skip' as const },
    process: (batch: Row[], { failRow }) => {
      failRow(0, odd);
      return batch.slice(1);
    },
  });
  const { errors } = await harness([stage], { count: 10 }).start();
  expect(errors.map(({ row, reason }) => [row, reason.split(':')[0]])).toEqual([
    [0, 'SCHEMA'],
    [1, 'SCHEMA'],
    [2, 'Error'],
  ]);
});

test('a row that process was not given fails the attempt', async () => {
  const stage = defineStage({
    name: 's',
    process: (batch: Row[], { failRow }) => {
      failRow(10, odd);
      return batch;
    },
  });
  await expect(harness([stage], { count: 10 }).start()).rejects.toThrow(
    'Stage "s": failRow was called with row 10, but process was given rows 0 to 9.',
  );
});
