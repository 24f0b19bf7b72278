/**
 * Fused stages over a batch. Guarantees pinned here:
 * - the result is that of the stages one after the other: rows, failures with their indexes, counters;
 * - each stage has its own context;
 * - a failure of a stage with `onError: 'fail'` ends the batch;
 * - a stage whose first answer is a promise leaves the fused stages, with that promise; a later promise fails its row.
 */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { StageError } from '../../../src/errors.js';
import {
  type FusedStageCounters,
  type FusedStages,
  type FusibleStage,
  fuseStages,
  isFusible,
} from '../../../src/executor/fusion/fuse.js';
import { seededRandom } from '../../../src/platform/clock.js';
import { type AttemptResult, runAttempt } from '../../../src/stages/attempt.js';
import { defineStage, filter, flatMap, map } from '../../../src/stages/define.js';
import type { AnyStage } from '../../../src/stages/stage.js';
import { contextFor, microtasks } from '../../stages/support.js';
import { SEED } from '../../support/seed.js';

const skip = { onError: 'skip' } as const;

/** A function that returns its row and records the call. */
const noted = (calls: number[]) => (row: number) => {
  calls.push(row);
  return row;
};

function chained(stages: readonly AnyStage[]) {
  for (const stage of stages) expect(isFusible(stage), stage.name).toBe(true);
  return fuseStages(stages as readonly FusibleStage[]);
}

interface Passed {
  readonly rows: readonly unknown[];
  readonly stages: readonly FusedStageCounters[];
  readonly bailed: boolean;
}

/** Fused stages over rows in slices of `size`. */
function inSlices(rows: readonly unknown[], of: FusedStages, size = Number.POSITIVE_INFINITY): Passed {
  const pass = of.beginBatch(() => contextFor());
  const out: unknown[] = [];
  for (let i = 0; i === 0 || i < rows.length; i += size) {
    if (!pass.hasEnded) out.push(...pass.processRows(rows.slice(i, i + size)));
  }
  const stages = pass.stages.map(({ rowsIn, rowsOut, failures }) => ({ rowsIn, rowsOut, failures }));
  return { rows: out, stages, bailed: pass.firstAnswer !== undefined };
}

function over(rows: readonly unknown[], stages: readonly AnyStage[], size?: number): Passed {
  return inSlices(rows, chained(stages), size);
}

/** The same, stage by stage. */
function stageByStage(rows: readonly unknown[], stages: readonly AnyStage[]): Passed {
  let current = rows;
  const parts = stages.map((stage) => {
    const { rows: out, failures } = runAttempt(stage, current, contextFor()) as AttemptResult;
    const part = { rowsIn: current.length, rowsOut: out.length, failures };
    current = out;
    return part;
  });
  return { rows: [...current], stages: parts, bailed: false };
}

test('map, filter and flatMap', () => {
  const pass = over(
    [1, 2, 3],
    [
      map('a', (row: number) => row * 10),
      filter('b', (row: number) => row !== 20),
      flatMap('c', (row: number) => [row, row + 1]),
      map('d', (row: number) => row),
    ],
  );
  expect(pass).toEqual({
    bailed: false,
    rows: [10, 11, 30, 31],
    stages: [
      { rowsIn: 3, rowsOut: 3, failures: [] },
      { rowsIn: 3, rowsOut: 2, failures: [] },
      { rowsIn: 2, rowsOut: 4, failures: [] },
      { rowsIn: 4, rowsOut: 4, failures: [] },
    ],
  });
});

test('random fused stages give the result of the stages one after the other', () => {
  const random = seededRandom(SEED);
  const below = (n: number) => Math.floor(random() * n);
  for (let round = 0; round < 300; round++) {
    const stages = Array.from({ length: 1 + below(4) }, (_, i): AnyStage => {
      const [bad, k] = [2 + below(7), 1 + below(4)];
      const check = (row: number, index: number) => {
        if ((row + index) % bad === 0) throw `bad ${row} ${index}`;
        return row;
      };
      const shapes = [
        map(`s${i}`, (row: number, _, index) => check(row, index) * k + index, skip),
        filter(`s${i}`, (row: number, _, index) => check(row, index) % (k + 1) !== 0, skip),
        flatMap(`s${i}`, (row: number, _, index) => Array(check(row, index) % k).fill(row + 1), skip),
        map(`s${i}`, (row: number) => (row % bad === 0 ? undefined : row + k), skip),
      ] as const;
      return shapes[below(4)] as AnyStage;
    });
    const rows = Array.from({ length: below(30) }, () => below(100));
    const text = (pass: Passed) =>
      JSON.stringify(pass, (_, value) => (value instanceof Error ? String(value) : value));
    const sliced = over(rows, stages, 1 + below(30));
    expect(text(sliced), `seed ${SEED}, round ${round}`).toBe(text(stageByStage(rows, stages)));
  }
});

test('every stage has its own context and index', () => {
  const contexts = [contextFor({ idempotencyKey: 'k0' }), contextFor({ idempotencyKey: 'k1' })];
  const seen: unknown[] = [];
  const note = (row: number, context: { readonly idempotencyKey: string }, index: number) => {
    seen.push([row, context.idempotencyKey, index]);
    return true;
  };
  const both = chained([filter('a', (row: number, c, i) => note(row, c, i) && row !== 1), filter('b', note)]);
  for (let batch = 0; batch < 2; batch++) {
    seen.length = 0;
    both.beginBatch((place) => contexts[place] as (typeof contexts)[0]).processRows([1, 2]);
    expect(seen).toEqual([
      [1, 'k0', 0],
      [2, 'k0', 1],
      [2, 'k1', 0],
    ]);
  }
});

test('batches share nothing', () => {
  const both = chained([map('a', (row: number) => row)]);
  const run = (rows: number[]) => inSlices(rows, both);
  const first = run([1, 2]);
  run([3]);
  expect(first).toMatchObject({ rows: [1, 2], stages: [{ rowsIn: 2 }] });
});

test('a failure of a stage that ends the run ends the batch', () => {
  const calls: number[] = [];
  const stages = [
    map('a', (row: number) => row),
    map('b', (row: number) => {
      if (row === 2) throw 'bad';
      return noted(calls)(row);
    }),
    map('c', noted(calls)),
  ];
  expect(over([1, 2, 3], stages)).toMatchObject({
    stages: [{ rowsIn: 3 }, { rowsIn: 2, rowsOut: 1, failures: [{ index: 1, row: 2, error: 'bad' }] }],
  });
  expect(calls).toEqual([1]);
});

test('a failure in a later slice: its index is that in the batch, and later stages do not run', () => {
  const picky = map('b', (row: number) => {
    if (row === 3) throw 'bad';
    return row;
  });
  const pass = over([1, 2, 3, 4], [map('a', (row: number) => row), picky, map('c', (row: number) => row)], 2);
  expect(pass.stages).toMatchObject([{ rowsIn: 4 }, { rowsIn: 3, failures: [{ index: 2, row: 3 }] }]);
});

test('after a failure behind a flatMap its other rows continue, unless the run ends', () => {
  const three = flatMap('three', (row: number) => [row, row + 1, row + 2]);
  const calls: number[] = [];
  const picky = (row: number) => {
    calls.push(row);
    if (row === 1) throw 'bad';
    return row;
  };
  expect(over([0], [three, map('picky', picky, skip)])).toMatchObject({ rows: [0, 2] });
  calls.length = 0;
  over([0, 0], [three, map('picky', picky)]);
  expect(calls).toEqual([0, 1]);
});

test('an aborted signal: nothing is called', () => {
  const signal = AbortSignal.abort(new Error('cancelled'));
  const one = chained([map('a', () => expect.unreachable())]);
  expect(() => one.beginBatch(() => contextFor({ signal })).processRows([1])).toThrow('cancelled');
});

test('fused stages that run inside themselves', () => {
  const contextOf = () => contextFor();
  const depth = chained([
    map('a', (row: number): unknown =>
      row === 0 ? 'end' : depth.beginBatch(contextOf).processRows([row - 1]),
    ),
    map('b', (row: unknown) => row),
  ]);
  const pass = depth.beginBatch(contextOf);
  expect(pass.processRows([1])).toEqual([['end']]);
  expect(pass.stages).toMatchObject([{}, { rowsIn: 1 }]);
});

describe('promises', () => {
  test('at a stage’s first call: the batch leaves before it with the promise, and the stage is not fusible any more', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const sly = map('sly', (row: number) => Promise.reject<number>(new Error(`${row}`)));
    const calls: number[] = [];
    const before = map('before', noted(calls));
    expect(over([1, 2, 3], [before, sly])).toMatchObject({
      ...{ bailed: true, rows: [1, 2, 3], stages: [{ rowsIn: 3, rowsOut: 3 }] },
    });
    await microtasks();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(calls).toEqual([1, 2, 3]);
    expect(isFusible(sly)).toBe(false);
    expect(isFusible(before)).toBe(true);
  });

  test('at its first call, in a later slice: the output of the stages before it is kept', () => {
    const from3 = filter('from3', (row: number) => row >= 3);
    const sly = map('sly', (row: number) => Promise.resolve(row));
    const after = map('after', () => expect.unreachable());
    expect(over([1, 2, 3, 4, 5], [from3, sly, after], 2)).toMatchObject({
      ...{ bailed: true, rows: [3, 4, 5], stages: [{ rowsIn: 5, rowsOut: 3 }] },
    });
  });

  test('later: that row fails, with an error that says what to do', () => {
    const moody = map('moody', (row: number) => (row > 2 ? Promise.resolve(row) : row), skip);
    const pass = over([1, 2, 3], [moody]);
    expect(pass).toMatchObject({
      rows: [1, 2],
      stages: [{ failures: [{ index: 2, error: expect.any(StageError) }] }],
    });
    expect(JSON.stringify(over([1], [moody]))).toContain('"rows":[1]');
    expect(over([3], [moody])).toMatchObject({ bailed: false, rows: [] });
  });

  test.each(['filter', 'flatMap'])('from a %s', (shape) => {
    const stage =
      shape === 'filter'
        ? filter('f', (row: number) => Promise.resolve(row > 1))
        : flatMap('fm', (row: number) => Promise.resolve([row]));
    expect(over([1], [stage])).toEqual({ bailed: true, rows: [1], stages: [] });
  });
});

test('a predicate that returns a truthy value keeps the row', () => {
  const stage = filter('f', ((row: { name?: string }) => row.name) as never);
  expect(over([{ name: 'a' }, {}, { name: '' }], [stage])).toMatchObject({ rows: [{ name: 'a' }] });
});

test.each<[string, AnyStage]>([
  ['a batch stage', defineStage({ name: 's', process: (rows: number[]) => rows })],
  ['an async function', map('s', async (row: number) => row)],
  ['durable', map('s', (row: number) => row, { durable: true })],
  ['rowConcurrency', map('s', (row: number) => row, { rowConcurrency: 2 })],
  ['retry', map('s', (row: number) => row, { retry: { attempts: 2 } })],
  ['a timeout', map('s', (row: number) => row, { timeoutMs: 5 })],
  ['a hook', map('s', (row: number) => row, { hooks: { after: () => {} } })],
  ['an input schema', map('s', (row: number) => row, { input: z.number() })],
  ['an output schema', map('s', (row: number) => row, { output: z.number() })],
])('not chained: %s', (_, stage) => {
  expect(isFusible(stage)).toBe(false);
});
