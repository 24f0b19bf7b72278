/**
 * `context.failRow`: one row of a batch stage fails, its batch does not. The row follows the stage's retry and `onError`.
 */
import { expect, test } from 'vitest';
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

test('retry: the batch is tried again, and what was reported before does not count', async () => {
  const retry = { attempts: 2, initialDelayMs: 0, jitter: false };
  const h = harness([stageWith({ retry, onError: 'skip' }, (n, attempt) => n === 3 && attempt === 1)], {
    count: 10,
  });
  const { metrics } = await h.start();
  expect(h.sink.rows).toEqual(numbers(10));
  expect(metrics).toMatchObject({ retries: 1, rowsFailed: 0 });
});

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
