/**
 * Pins: dead letters are a source like any other. Rows come stage by stage, each batch for one stage, and malformed rows are left
 * out.
 */
import { truncate } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { countDeadLetters, deadLetterSource } from '../../src/sources/dead-letters/dead-letters.js';
import { readAll, sourceContract } from '../../src/testing/contracts/source.js';
import { context, file } from './source-file.js';

const STAGES = ['source', 'ask', 'store'];
const LETTERS = Array.from({ length: 36 }, (_, n) => ({
  ...{ stage: STAGES[n % 3], batch: 0, rowOffset: 0, row: n, value: { n } },
  ...(n === 6 && { file: 'in.jsonl', byte: 12, value: '{"n":' }),
}));
const TEXT = LETTERS.map((letter) => `${JSON.stringify(letter)}\n`).join('');
const letters = (path: string) => ({
  ...{ path, session: '00000000-0000-4000-8000-000000000000', malformed: 1 },
  entering: STAGES.map((stage, i) => ({ stage, rows: i === 0 ? 11 : 12 })),
});
const byStage = STAGES.flatMap((stage) =>
  LETTERS.filter((letter) => letter.stage === stage && letter.row !== 6).map(({ value }) => value),
);

sourceContract(
  'dead letters',
  async () => {
    const path = await file(TEXT);
    return {
      ...{ source: () => deadLetterSource(letters(path)), rows: byStage, fileSystem: nodeFileSystem },
      shorter: async () => {
        await truncate(path, 400);
        return deadLetterSource(letters(path));
      },
    };
  },
  { describe, it: test },
);

test('a batch has rows for one stage, and says which', async () => {
  const source = deadLetterSource(letters(await file(TEXT)));
  const open = await source.open(undefined, context);
  expect(open.total).toEqual({ unit: 'rows', value: 35 });
  const seen: unknown[] = [];
  for (let batch = await open.read(8, 1e6); batch !== undefined; batch = await open.read(8, 1e6))
    seen.push([batch.firstStage, batch.size, batch.done]);
  expect(seen).toEqual([
    [undefined, 8, 8],
    [undefined, 3, 11],
    ['ask', 8, 19],
    ['ask', 4, 23],
    ['store', 8, 31],
    ['store', 4, 35],
  ]);
  await open.close();
});

test('large rows make small batches', async () => {
  const open = await deadLetterSource(letters(await file(TEXT))).open(undefined, context);
  const batches = await readAll(open, 1000, 20);
  expect(batches.length).toBeGreaterThan(9);
  expect(batches.flatMap(({ rows }) => rows)).toEqual(byStage);
});

test('dead letters are counted by stage', async () => {
  const { byStage: counts, malformed } = await countDeadLetters(await file(TEXT), context);
  expect([...counts]).toEqual([
    ['source', 11],
    ['ask', 12],
    ['store', 12],
  ]);
  expect(malformed).toBe(1);
});

test('a line that is not a dead letter is refused', async () => {
  await expect(countDeadLetters(await file('{"n":1}\n'), context)).rejects.toMatchObject({
    code: 'SOURCE',
    message: expect.stringContaining('not a dead letter'),
  });
});
