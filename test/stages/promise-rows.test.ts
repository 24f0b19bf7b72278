/**
 * A promise where a row or a value belongs is refused, with stage and place: JSON would write it as `{}`. Promises, errors
 * and rows are recognised by shape, because those of another realm are instances of other classes.
 */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { CsvEncoder } from '../../src/formats/csv/csv-encoder.js';
import { loadCsvWriter } from '../../src/formats/csv/csv-libraries.js';
import { encodeJsonLines } from '../../src/formats/json-lines-encoder.js';
import { findPromise } from '../../src/formats/promises.js';
import { rowProblem } from '../../src/formats/row-problem.js';
import { type AttemptResult, runAttempt } from '../../src/stages/attempt.js';
import { defineStage, filter, flatMap, map } from '../../src/stages/define.js';
import type { AnyStage } from '../../src/stages/stage.js';
import { harness, type Row } from '../support/runs.js';
import { contextFor } from './support.js';

const ask = async ({ n }: Row) => ({ n, label: 'cat' });
const foreign = runInNewContext('async (n) => ({ n })') as (n: number) => Promise<Row>;

test.each<[string, unknown, string | undefined]>([
  ['the row itself', Promise.resolve(1), ''],
  ['a field', { n: 1, label: Promise.resolve(1) }, '.label'],
  ['an array in a field', { tags: [1, Promise.resolve(1)] }, '.tags[1]'],
  ['deep inside', { a: [{ b: { c: Promise.resolve(1) } }] }, '.a[0].b.c'],
  ['a promise of another realm', { n: foreign(1) }, '.n'],
  ['no promise', { n: 1, a: [null, 'x', { b: true }], d: new Date(0) }, undefined],
  ['a text called then', JSON.parse('{"then":"x"}'), undefined],
])('where a promise is: %s', (_, row, path) => {
  expect(findPromise(row)).toBe(path);
});

describe('an attempt refuses it', () => {
  const stages: [string, AnyStage, string][] = [
    [
      'a batch stage without Promise.all',
      defineStage({ name: 's', process: (rows: Row[]) => rows.map(ask) as never }),
      'Stage "s": row 0 that process returned is a promise. Wait for the rows: return await Promise.all(rows.map(…)).',
    ],
    [
      'an asynchronous batch stage without Promise.all',
      defineStage({ name: 's', process: async (rows: Row[]) => rows.map(ask) as never }),
      'row 0 that process returned is a promise',
    ],
    [
      'a field of one row of a batch stage',
      defineStage({
        name: 's',
        process: (rows: Row[]) => rows.map((row) => (row.n === 1 ? { ...row, label: ask(row) } : row)),
      }),
      'row 1 that process returned holds a promise at .label. Await it before returning the row.',
    ],
    [
      'flatMap',
      flatMap('s', (row: Row) => [ask(row)]),
      'row 0 that the function of flatMap returned is a promise',
    ],
    [
      'a field, in an asynchronous map',
      map('s', async (row: Row) => ({ ...row, label: ask(row) })),
      'a row that the function of map returned holds a promise at .label',
    ],
  ];
  test.each(stages)('%s', async (_, stage, message) => {
    const rows = [{ n: 0 }, { n: 1 }];
    const attempt = async () => {
      const { failures } = (await runAttempt(stage, rows, contextFor())) as AttemptResult;
      for (const { error } of failures) throw error;
    };
    await expect(attempt()).rejects.toThrow(message);
  });
});

const CSV = { path: 'out.csv', delimiter: ',', header: true, columns: undefined };
const sometimes = (bad: number) =>
  map('fused', (row: Row) => (row.n === bad ? { ...row, label: ask(row) } : row));

test('a run ends with the stage and the row, and writes nothing; also in a fused stage', async () => {
  const h = harness([sometimes(8)], { count: 20 });
  await expect(h.start()).rejects.toThrow(
    'Stage "fused", row 8 of batch 0 (which begins at row 0 of the source): a row that the function of map returned holds a promise at .label.',
  );
  expect(h.sink.rows).toEqual([]);
});

test.each<[string, AnyStage[]]>([
  ['the last stage', [sometimes(7)]],
  ['a stage before others', [sometimes(7), defineStage({ name: 'b', process: (rows: Row[]) => rows })]],
])('one row alone, of %s', async (_, stages) => {
  const h = harness(stages, { count: 20 });
  await expect(h.start()).rejects.toThrow(
    'Stage "fused": row 7 that the function of map returned holds a promise at .label.',
  );
  expect(h.sink.rows).toEqual([]);
});

test.each([
  ['two rows', 20, [3, 8], (row: Row) => ask(row), 'row 8 that process returned is a promise'],
  ['one row', 20, [3], (row: Row) => ask(row), 'row 3 that process returned is a promise'],
  [
    'a field of one row',
    20,
    [3],
    (row: Row) => ({ ...row, tags: [ask(row)] }),
    'holds a promise at .tags[0]',
  ],
  ['the only row', 1, [0], (row: Row) => ask(row), 'row 0 that process returned is a promise'],
  ['a field of the only row', 1, [0], (row: Row) => ({ ...row, a: ask(row) }), 'holds a promise at .a'],
  ['a promise that has fields', 20, [8], (row: Row) => Object.assign(ask(row), { sql: '' }), 'row 8'],
])('of a durable stage, %s: nothing is journaled', async (_, count, bad, promised, message) => {
  const process = (rows: Row[]) => rows.map((row) => (bad.includes(row.n) ? promised(row) : row)) as never;
  const h = harness([defineStage({ name: 'paid', durable: true, process })], {
    count,
    pipeline: { batchSize: count },
  });
  await expect(h.start()).rejects.toThrow(message);
  expect(h.sink.rows).toEqual([]);
});

await loadCsvWriter();

test.each<[string, (rows: readonly unknown[]) => unknown]>([
  ['JSON Lines', (rows) => encodeJsonLines(rows, rowProblem('out.jsonl'))],
  ['CSV', (rows) => new CsvEncoder(CSV, undefined).encode(rows)],
])('the encoder of %s refuses it', (_, encode) => {
  expect(() => encode([{ a: 1 }, { a: Promise.resolve(1) }])).toThrow(
    'row 1 of a batch (from 0) holds a promise',
  );
});

test('the rejection of a refused promise is handled', async () => {
  const unhandled: unknown[] = [];
  const record = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', record);
  const stage = defineStage({
    name: 's',
    process: (rows: Row[]) => rows.map(async () => Promise.reject(new Error('no'))) as never,
  });
  await expect(harness([stage], { count: 5 }).start()).rejects.toThrow('is a promise');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', record);
  expect(unhandled).toEqual([]);
});

test('promises of another realm are awaited in every kind of stage', async () => {
  const stages: AnyStage[] = [
    map('m', (row: Row) => foreign(row.n)),
    filter('f', (row: Row) => foreign(row.n).then(() => row.n !== 3)),
    flatMap('fm', (row: Row) => foreign(row.n).then((one) => [one])),
    defineStage({ name: 'b', process: (rows: Row[]) => foreign(0).then(() => rows) }),
  ];
  const h = harness(stages, { count: 5 });
  await h.start();
  expect(h.sink.rows.map(({ n }) => n)).toEqual([0, 1, 2, 4]);
});
