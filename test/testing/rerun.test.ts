/**
 * Pins: a stored run is forked at a committed point, its session and output stay unchanged, and differences are counted and
 * shown by row. The comparison uses bounded memory and resynchronises after inserted or removed rows.
 */
import { describe, expect, test } from 'vitest';
import { flatMap, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, rerun } from 'xstate-pipeline/testing';
import { diffRows } from '../../src/history/diff/row-diff.js';
import { STATE_DIRECTORY } from '../../src/testing/executor/test-process.js';

interface Row {
  readonly n: number;
}

const ROWS = 40;
const files = { 'in.jsonl': Array.from({ length: ROWS }, (_, n) => `{"n":${n}}\n`).join('') };

function doubling(change: (row: Row) => Row[] = (row) => [row]) {
  return pipeline('p', { batchSize: 2, checkpointInterval: 4, maxInFlight: 1 })
    .from(jsonl<Row>('in.jsonl'))
    .pipe(flatMap('change', change))
    .pipe(map('double', ({ n }: Row) => ({ n: n * 2 })))
    .to(jsonl('out.jsonl'));
}

async function completed(isRecorded: boolean) {
  const run = createTestExecutor(doubling(), { files });
  if (isRecorded) run.executor.record();
  await run.execute();
  await run.advance(1000);
  const place = { session: run.sessionId ?? '', stateDir: STATE_DIRECTORY, fileSystem: run.disk };
  return { run, place };
}

describe('rerun', () => {
  test('with a recording: starts at the committed point before the batch, and shows the differences only', async () => {
    const { run, place } = await completed(true);
    const before = run.disk
      .files()
      .filter((path) => path.includes(place.session))
      .map((path) => run.text(path));
    const changed = doubling(({ n }) => (n === 30 ? [] : n === 35 ? [{ n: 100 }] : [{ n }]));
    const result = await rerun(changed, place, { from: 11 });
    expect(result.from).toBeGreaterThan(0);
    expect(result.from).toBeLessThanOrEqual(11);
    expect(result).toMatchObject({ same: 38, changed: 1, added: 0, disappeared: 1 });
    expect(result.first).toEqual([
      { kind: 'disappeared', row: 30, newRow: undefined, before: '{"n":60}', after: undefined },
      { kind: 'changed', row: 35, newRow: 34, before: '{"n":70}', after: '{"n":200}' },
    ]);
    expect(result.text).toContain(`Rerun from batch ${result.from}`);
    expect(result.text).toContain('  + {"n":200}');
    expect(run.rows('out.jsonl.fork.jsonl')).toHaveLength(39);
    expect(run.rows()).toEqual(Array.from({ length: ROWS }, (_, n) => ({ n: n * 2 })));
    const after = run.disk
      .files()
      .filter((path) => path.includes(place.session))
      .map((path) => run.text(path));
    expect(after).toEqual(before);
  });

  test('without a recording: starts at a stored checkpoint, here the beginning; writes to the given file', async () => {
    const { run, place } = await completed(false);
    const result = await rerun(doubling(), place, { from: 11, to: 'other.jsonl' });
    expect(result).toMatchObject({ from: 0, same: ROWS, changed: 0, added: 0, disappeared: 0 });
    expect(run.text('other.jsonl')).toBe(run.text('out.jsonl'));
    await expect(rerun(doubling(), place, { from: 0, to: 'other.jsonl' })).rejects.toThrow('exists already');
    await expect(rerun(doubling(), place, { from: -1 })).rejects.toThrow('a whole number from 0');
  });

  test('a changed input is refused', async () => {
    const { run, place } = await completed(true);
    run.disk.put(`${process.cwd()}/in.jsonl`, files['in.jsonl'].replace('{"n":0}', '{"n":9}'));
    await expect(rerun(doubling(), place, { from: 10 })).rejects.toThrow('input');
  });
});

describe('diffRows', () => {
  const lines = async function* (rows: readonly (string | number)[]) {
    for (const row of rows) yield String(row);
  };
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const counts = async (
    a: readonly (string | number)[],
    b: readonly (string | number)[],
    key?: (text: string) => string,
  ) => {
    const { first: _, ...rest } = await diffRows(lines(a), lines(b), { key });
    return rest;
  };

  test('inserted and removed rows are found', async () => {
    expect(await counts([], [])).toEqual({ same: 0, changed: 0, added: 0, disappeared: 0 });
    expect(await counts([1, 2, 3], [])).toMatchObject({ disappeared: 3 });
    expect(await counts([], [1])).toMatchObject({ added: 1 });
    const all = range(0, 5000);
    const without = all.filter((n) => n % 500 !== 7);
    expect(await counts(all, without)).toEqual({ same: 4990, changed: 0, added: 0, disappeared: 10 });
    expect(await counts(without, all)).toEqual({ same: 4990, changed: 0, added: 10, disappeared: 0 });
    expect(await counts(all, [...range(9000, 9300), ...all])).toMatchObject({ same: 5000, added: 300 });
  });

  test('when every row changed, each is paired with its counterpart', async () => {
    const all = range(0, 5000);
    expect(
      await counts(
        all,
        all.map((n) => `x${n}`),
      ),
    ).toEqual({ same: 0, changed: 5000, added: 0, disappeared: 0 });
    expect(
      await counts(
        all,
        all.map((n) => (n % 3 === 0 ? `x${n}` : n)),
      ),
    ).toMatchObject({ same: 3333, changed: 1667 });
  });

  test('with a key, a changed row is distinguished from a different row', async () => {
    const key = (text: string) => text.split(':')[0] ?? '';
    const a = range(0, 3000).map((n) => `${n}:a`);
    const b = range(0, 3000)
      .filter((n) => n !== 1500)
      .map((n) => `${n}:b`);
    expect(await counts(a, b, key)).toEqual({ same: 0, changed: 2999, added: 0, disappeared: 1 });
    const { first } = await diffRows(lines(a), lines(b), { key, examples: 2 });
    expect(first.map(({ row, newRow, after }) => [row, newRow, after])).toEqual([
      [0, 0, '0:b'],
      [1, 1, '1:b'],
    ]);
  });
});
