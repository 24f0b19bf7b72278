/**
 * One attempt of a row stage. Guarantees pinned here:
 * - synchronous work has a synchronous result;
 * - a row that throws or rejects fails alone, with the index and the row as the stage received them; the order stays (I4);
 * - `rowConcurrency` rows run at once, and never more;
 * - rows that succeeded do not run again in the next attempt;
 * - after an abort no row starts, and the attempt ends at once with the signal's reason (I17).
 */
import { expect, test } from 'vitest';
import { StageError } from '../../src/errors.js';
import { type AttemptResult, newAttemptMemory, runAttempt } from '../../src/stages/attempt.js';
import { filter, flatMap, map } from '../../src/stages/define.js';
import { contextFor, deferred, microtasks } from './support.js';

const lenient = { onError: 'skip' } as const;
const unlessOdd = (row: number) => {
  if (row % 2 === 1) throw new Error(`odd`);
  return row * 10;
};

test('map, filter and flatMap have synchronous results, in order', () => {
  const context = contextFor();
  expect(
    runAttempt(
      map('m', (row: number) => row + 1),
      [1, 2, 3],
      context,
    ),
  ).toEqual({ rows: [2, 3, 4], failures: [] });
  expect(
    runAttempt(
      filter('f', (row: number) => row > 1),
      [1, 2, 3],
      context,
    ),
  ).toEqual({ rows: [2, 3], failures: [] });
  expect(
    runAttempt(
      flatMap('fm', (row: number) => Array(row).fill(row)),
      [1, 0, 2],
      context,
    ),
  ).toEqual({
    rows: [1, 2, 2],
    failures: [],
  });
});

test('the function gets row, context and index', () => {
  const context = contextFor();
  const seen: unknown[] = [];
  runAttempt(
    map('m', (row: string, given, index) => {
      seen.push([row, given === context, index]);
      return row;
    }),
    ['a', 'b'],
    context,
  );
  expect(seen).toEqual([
    ['a', true, 0],
    ['b', true, 1],
  ]);
});

test('falsy rows are rows', () => {
  const rows = [0, '', false, null];
  expect(
    runAttempt(
      map('m', (row: unknown) => row),
      rows,
      contextFor(),
    ),
  ).toEqual({ rows, failures: [] });
  expect(
    runAttempt(
      filter('f', (_: unknown) => true),
      rows,
      contextFor(),
    ),
  ).toEqual({ rows, failures: [] });
});

test('a row that throws fails alone', () => {
  const result = runAttempt(map('m', unlessOdd, lenient), [2, 3, 4, 5], contextFor()) as AttemptResult;
  expect(result.rows).toEqual([20, 40]);
  expect(result.failures.map(({ index, row, error }) => [index, row, (error as Error).message])).toEqual([
    [1, 3, 'odd'],
    [3, 5, 'odd'],
  ]);
});

test('a row that rejects fails alone, in any order of settling', async () => {
  const rows = [deferred<number>(), deferred<number>(), deferred<number>(), deferred<number>()];
  const stage = map('m', (_: string, __, index) => rows[index]?.promise as Promise<number>, {
    ...lenient,
    rowConcurrency: 4,
  });
  const result = runAttempt(stage, ['a', 'b', 'c', 'd'], contextFor());
  rows[3]?.resolve(3);
  rows[2]?.reject('two');
  await microtasks();
  rows[1]?.reject('one');
  rows[0]?.resolve(0);
  expect(await result).toEqual({
    rows: [0, 3],
    failures: [
      { index: 1, row: 'b', error: 'one' },
      { index: 2, row: 'c', error: 'two' },
    ],
  });
});

test('a return value that is no row fails its row, with an error that says what to do', () => {
  const nothing = runAttempt(
    map('m', (row: number) => (row > 1 ? row : undefined), lenient),
    [1, 2],
    contextFor(),
  );
  expect(nothing).toMatchObject({ rows: [2], failures: [{ index: 0, error: expect.any(StageError) }] });
  expect(String((nothing as AttemptResult).failures[0]?.error)).toContain(
    'use filter or flatMap to leave rows out',
  );
  const text = runAttempt(
    flatMap('fm', (() => 's3cret') as never, lenient),
    [1],
    contextFor(),
  ) as AttemptResult;
  expect(String(text.failures[0]?.error)).toContain('must return an array of rows; got a text');
  const gap = runAttempt(
    flatMap('fm', () => [1, undefined], lenient),
    [1],
    contextFor(),
  ) as AttemptResult;
  expect(String(gap.failures[0]?.error)).toContain('undefined at index 1');
});

test('rowConcurrency rows run at once, and never more', async () => {
  const waiting: (() => void)[] = [];
  let active = 0;
  let most = 0;
  const stage = map(
    'm',
    async (row: number) => {
      active++;
      most = Math.max(most, active);
      const { promise, resolve } = deferred<void>();
      waiting.push(() => resolve());
      await promise;
      active--;
      return row;
    },
    { rowConcurrency: 3 },
  );
  const rows = Array.from({ length: 10 }, (_, i) => i);
  const result = runAttempt(stage, rows, contextFor());
  let settled = 0;
  while (settled < rows.length) {
    expect(active).toBe(Math.min(3, rows.length - settled));
    waiting.pop()?.();
    settled++;
    await microtasks();
  }
  expect(await result).toEqual({ rows, failures: [] });
  expect(most).toBe(3);
});

test('plain values between promises are accepted', async () => {
  const stage = map('m', (row: number) => (row % 2 === 0 ? Promise.resolve(row) : row), {
    rowConcurrency: 2,
  });
  const rows = Array.from({ length: 5_000 }, (_, i) => i);
  expect(await runAttempt(stage, rows, contextFor())).toEqual({ rows, failures: [] });
});

test('a filter may be asynchronous', async () => {
  const stage = filter('f', async (row: number) => row > 1);
  expect(await runAttempt(stage, [1, 2, 3], contextFor())).toEqual({ rows: [2, 3], failures: [] });
});

test('only rows that failed run again in the next attempt', async () => {
  const calls: number[] = [];
  const memory = newAttemptMemory();
  const options = { retry: { attempts: 3 }, rowConcurrency: 2 };
  const stage = map(
    'm',
    async (row: number, { attempt }) => {
      calls.push(row);
      if (row % 3 === attempt) throw new Error('not yet');
      return row * 10;
    },
    options,
  );
  const rows = [0, 1, 2, 3, 4];
  const first = await runAttempt(stage, rows, contextFor({ attempt: 1 }), memory);
  expect(first.rows).toEqual([0, 20, 30]);
  expect(first.failures.map((failure) => failure.index)).toEqual([1, 4]);
  calls.length = 0;
  expect(await runAttempt(stage, rows, contextFor({ attempt: 2 }), memory)).toEqual({
    rows: [0, 10, 20, 30, 40],
    failures: [],
  });
  expect(calls).toEqual([1, 4]);
});

test('rows that a filter left out do not run again, and stay out', () => {
  const calls: number[] = [];
  const memory = newAttemptMemory();
  const stage = filter(
    'f',
    (row: number, { attempt }) => {
      calls.push(row);
      if (row === 2 && attempt === 1) throw new Error('not yet');
      return row > 1;
    },
    { retry: { attempts: 2 } },
  );
  runAttempt(stage, [1, 2, 3], contextFor(), memory);
  expect(runAttempt(stage, [1, 2, 3], contextFor({ attempt: 2 }), memory)).toEqual({
    rows: [2, 3],
    failures: [],
  });
  expect(calls).toEqual([1, 2, 3, 2]);
});

test('when a lost row ends the run, no row starts after it', async () => {
  const calls: number[] = [];
  const stage = map('m', async (row: number) => {
    calls.push(row);
    throw new Error('no');
  });
  const result = await runAttempt(stage, [1, 2, 3], contextFor());
  expect(result.failures.map((failure) => failure.index)).toEqual([0]);
  expect(calls).toEqual([1]);
});

test('after an abort no row starts; the attempt ends at once, although rows still run', async () => {
  const abort = new AbortController();
  const calls: number[] = [];
  const stage = map(
    'm',
    (row: number) => {
      calls.push(row);
      return new Promise<number>(() => {});
    },
    { rowConcurrency: 2 },
  );
  const result = runAttempt(stage, [1, 2, 3], contextFor({ signal: abort.signal }));
  const reason = new Error('cancelled');
  abort.abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(calls).toEqual([1, 2]);
});

test('rows finished before an abort are remembered, late ones are not', async () => {
  const abort = new AbortController();
  const memory = newAttemptMemory();
  const late = deferred<number>();
  const calls: number[] = [];
  const stage = map(
    'm',
    (row: number, { attempt }) => {
      calls.push(row);
      return row === 2 && attempt === 1 ? late.promise : Promise.resolve(row);
    },
    { rowConcurrency: 2, retry: { attempts: 2 } },
  );
  const result = runAttempt(
    stage,
    [1, 2, 3, 4],
    contextFor({ signal: abort.signal }),
    memory,
  ) as Promise<AttemptResult>;
  await microtasks();
  abort.abort(new Error('too slow'));
  await expect(result).rejects.toThrow('too slow');
  late.resolve(99);
  await microtasks();
  expect(await runAttempt(stage, [1, 2, 3, 4], contextFor({ attempt: 2 }), memory)).toEqual({
    rows: [1, 2, 3, 4],
    failures: [],
  });
  expect(calls).toEqual([1, 2, 3, 4, 2]);
});

test('an abort by the function itself ends a synchronous attempt', () => {
  const abort = new AbortController();
  const calls: number[] = [];
  const stage = map('m', (row: number) => {
    calls.push(row);
    abort.abort('enough');
    return row;
  });
  expect(() => runAttempt(stage, [1, 2], contextFor({ signal: abort.signal }))).toThrow('enough');
  expect(calls).toEqual([1]);
});
