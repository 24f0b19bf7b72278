/**
 * One attempt of a batch stage, and the hooks around any attempt. Guarantees pinned here:
 * - the stage gets an array of its own; it is not called without rows; it must return an array;
 * - what it throws fails the attempt, unchanged; after a final result it is not called again;
 * - before and after can fail the attempt, onError cannot.
 */
import { describe, expect, test } from 'vitest';
import { StageError } from '../../src/errors.js';
import { newAttemptMemory, runAttempt } from '../../src/stages/attempt.js';
import { defineStage, map } from '../../src/stages/define.js';
import { contextFor, microtasks } from './support.js';

const stageOf = (process: (rows: number[]) => unknown, options: object = {}) =>
  defineStage({ name: 'sums', process: process as (rows: number[]) => number[], ...options });

test('a synchronous stage has a synchronous result, an asynchronous one a promise', async () => {
  const same = (rows: number[]) => rows;
  expect(runAttempt(stageOf(same), [1, 2], contextFor())).toEqual({ rows: [1, 2], failures: [] });
  const later = runAttempt(
    stageOf(async (rows) => rows),
    [1, 2],
    contextFor(),
  );
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toEqual({ rows: [1, 2], failures: [] });
});

test('it may change the array that it gets', () => {
  const rows = Object.freeze([3, 1, 2]);
  expect(
    runAttempt(
      stageOf((own) => own.sort().splice(1)),
      rows,
      contextFor(),
    ),
  ).toMatchObject({ rows: [2, 3] });
  expect(rows).toEqual([3, 1, 2]);
});

test('it is not called for an empty batch', () => {
  const stage = stageOf(() => {
    throw new Error('called');
  });
  expect(runAttempt(stage, [], contextFor())).toEqual({ rows: [], failures: [] });
});

test.each([
  [undefined, 'got undefined'],
  ['s3cret', 'got a text'],
  [{ length: 1 }, 'got an object'],
])('an answer that is no array (%o) fails the attempt', (answer, expected) => {
  const attempt = () =>
    runAttempt(
      stageOf(() => answer),
      [1],
      contextFor(),
    );
  expect(attempt).toThrow(StageError);
  expect(attempt).toThrow(`Stage "sums": process must return an array of rows; ${expected}.`);
});

test('an answer with a gap fails the attempt', () => {
  expect(() =>
    runAttempt(
      stageOf(() => [1, undefined]),
      [1],
      contextFor(),
    ),
  ).toThrow('undefined at index 1');
});

test('what it throws or rejects with is unchanged', async () => {
  const error = { code: 'E_QUOTA' };
  const attempt = (process: () => unknown) => runAttempt(stageOf(process), [1], contextFor());
  expect(() =>
    attempt(() => {
      throw error;
    }),
  ).toThrow(expect.objectContaining(error));
  await expect(attempt(() => Promise.reject(error))).rejects.toBe(error);
});

test('an abort ends the attempt at once, although the function ignores its signal', async () => {
  const abort = new AbortController();
  const result = runAttempt(
    stageOf(() => new Promise(() => {})),
    [1],
    contextFor({ signal: abort.signal }),
  );
  abort.abort(new Error('cancelled'));
  await expect(result).rejects.toThrow('cancelled');
  expect(() =>
    runAttempt(
      stageOf((rows) => rows),
      [1],
      contextFor({ signal: abort.signal }),
    ),
  ).toThrow('cancelled');
});

test('a rejection after the abort is handled', async () => {
  const abort = new AbortController();
  let reject: (error: unknown) => void = () => {};
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const never = new Promise((_, no) => {
    reject = no;
  });
  const result = runAttempt(
    stageOf(() => never),
    [1],
    contextFor({ signal: abort.signal }),
  );
  abort.abort(new Error('cancelled'));
  await expect(result).rejects.toThrow('cancelled');
  reject(new Error('late'));
  await microtasks();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

describe('hooks', () => {
  const recording = (calls: unknown[]) => ({
    before: (info: unknown) => {
      calls.push(['before', info]);
    },
    after: (info: unknown) => {
      calls.push(['after', info]);
    },
    onError: (error: unknown, info: unknown) => {
      calls.push(['onError', String(error), info]);
    },
  });
  const where = { batch: 7, attempt: 1 };

  test('run around the attempt, and leave it synchronous', () => {
    const calls: unknown[] = [];
    const stage = stageOf((rows) => rows.slice(1), { hooks: recording(calls) });
    expect(runAttempt(stage, [1, 2, 3], contextFor())).toEqual({ rows: [2, 3], failures: [] });
    expect(calls).toEqual([
      ['before', { stage: 'sums', ...where }],
      ['after', { stage: 'sums', ...where, rowsOut: 2 }],
    ]);
  });

  test('may be asynchronous: each is awaited', async () => {
    const calls: string[] = [];
    const slow = (name: string) => async () => {
      await microtasks();
      calls.push(name);
    };
    const process = (rows: number[]) => {
      calls.push('process');
      return rows;
    };
    await runAttempt(
      stageOf(process, { hooks: { before: slow('before'), after: slow('after') } }),
      [1],
      contextFor(),
    );
    expect(calls).toEqual(['before', 'process', 'after']);
  });

  test('onError gets each row that failed, and the failure of the whole attempt', () => {
    const calls: unknown[] = [];
    const hooks = recording(calls);
    const bad = () => {
      throw new Error('bad');
    };
    runAttempt(map('m', bad, { hooks, onError: 'skip' }), [1, 2], contextFor());
    expect(calls.slice(1)).toEqual([
      ['onError', 'Error: bad', { stage: 'm', ...where, row: 0 }],
      ['onError', 'Error: bad', { stage: 'm', ...where, row: 1 }],
      ['after', { stage: 'm', ...where, rowsOut: 0 }],
    ]);
    calls.length = 0;
    expect(() => runAttempt(stageOf(bad, { hooks }), [1], contextFor())).toThrow('bad');
    expect(calls.slice(1)).toEqual([['onError', 'Error: bad', { stage: 'sums', ...where }]]);
  });

  test('before and after that throw fail the attempt; the work is not repeated', async () => {
    let calls = 0;
    const process = (rows: number[]) => {
      calls++;
      return rows;
    };
    const failing = () => {
      throw new Error('hook');
    };
    expect(() => runAttempt(stageOf(process, { hooks: { before: failing } }), [1], contextFor())).toThrow(
      'hook',
    );
    expect(calls).toBe(0);
    const memory = newAttemptMemory();
    const rejecting = async ({ attempt }: { readonly attempt: number }) => {
      if (attempt === 1) failing();
    };
    const stage = stageOf(process, { hooks: { after: rejecting }, retry: { attempts: 2 } });
    await expect(runAttempt(stage, [1], contextFor(), memory)).rejects.toThrow('hook');
    await expect(runAttempt(stage, [1], contextFor({ attempt: 2 }), memory)).resolves.toMatchObject({
      rows: [1],
    });
    expect(calls).toBe(1);
  });

  test.each([
    ['throws', () => Promise.reject(new Error('hook'))],
    [
      'rejects',
      () => {
        throw new Error('hook');
      },
    ],
  ])('onError that %s is logged, and changes nothing', async (_, onError) => {
    const context = contextFor();
    const failing = () => {
      throw new Error('bad');
    };
    const stage = map('m', failing, { hooks: { onError }, onError: 'skip' });
    const result = await runAttempt(stage, [1], context);
    expect(result.failures).toHaveLength(1);
    expect(context.logged).toEqual(['Stage "m": its onError hook failed: hook']);
    await expect(
      (async () => runAttempt(stageOf(failing, { hooks: { onError } }), [1], context))(),
    ).rejects.toThrow('bad');
  });
});
