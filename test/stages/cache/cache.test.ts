/**
 * Pins the option `cache`: a row that an earlier session asked about is not asked about again; another version, row or key is a
 * miss; what is damaged or too old is a miss and does no harm; any number of writers share a folder.
 */
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type AnyStage,
  collect,
  defineStage,
  InvalidOptionError,
  map,
  memoryStorage,
  pipeline,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { AnswerCache } from '../../../src/stages/cache/answer-cache.js';
import { freshFolder } from '../../support/folders.js';

interface Row {
  readonly id: number;
  readonly text: string;
}

const input = (count: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: `text ${id}` }));

async function run(stage: AnyStage, given: readonly Row[]): Promise<unknown[]> {
  const result = await pipeline('cached', { batchSize: 4 })
    .from(rows(given))
    .pipe(stage)
    .to(collect<unknown>())
    .run({ stateManager: new StateManager(memoryStorage()) });
  return result.data.toArray();
}

/** A row stage, and the ids that it was called for. */
function shouting(
  dir: string,
  options: { version?: string; ttlMs?: number; key?: (row: Row) => unknown } = {},
) {
  const { version = '1', ...cache } = options;
  const asked: number[] = [];
  const shout = async (row: Row) => {
    asked.push(row.id);
    return { ...row, loud: row.text.toUpperCase() };
  };
  return { asked, stage: map('shout', shout, { durable: true, version, cache: { dir, ...cache } }) };
}

const entries = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile());

test('a second session asks about new and changed rows only; another version asks about all', async () => {
  const dir = join(freshFolder(), 'cache');
  const first = shouting(dir);
  const before = await run(first.stage, input(10));
  expect(first.asked).toHaveLength(10);
  const second = shouting(dir);
  expect(await run(second.stage, input(10))).toEqual(before);
  expect(second.asked).toEqual([]);
  const third = shouting(dir);
  const changed = input(12).with(3, { id: 3, text: 'other' });
  const after = await run(third.stage, changed);
  expect(third.asked.sort((a, b) => a - b)).toEqual([3, 10, 11]);
  expect(after).toEqual(changed.map((row) => ({ ...row, loud: row.text.toUpperCase() })));
  const fourth = shouting(dir, { version: '2' });
  await run(fourth.stage, input(10));
  expect(fourth.asked).toHaveLength(10);
});

test('key says what the answer depends on; the order of fields does not matter', async () => {
  const dir = freshFolder();
  const text = (row: Row) => row.text.trim();
  const label = (asked: number[]) => {
    const process = async ({ id }: Row) => {
      asked.push(id);
      return 'label';
    };
    return map('label', process, { durable: true, cache: { dir, key: text } });
  };
  const asked: number[] = [];
  expect(await run(label(asked), [{ id: 0, text: 'a' }])).toEqual(['label']);
  expect(await run(label(asked), [{ text: ' a', id: 1 }])).toEqual(['label']);
  expect(asked).toEqual([0]);
});

test('a batch stage is called for the missing rows; failed rows are not kept, and every row is in its place', async () => {
  const dir = freshFolder();
  const asked: { readonly ids: number[]; readonly key: string }[] = [];
  let isStrict = true;
  const stage = () =>
    defineStage({
      name: 'double',
      durable: true,
      rowsPerCall: 4,
      onError: 'skip',
      cache: { dir },
      process: async (given: Row[], { failRow, idempotencyKey }) => {
        asked.push({ ids: given.map(({ id }) => id), key: idempotencyKey });
        return given.flatMap((row, i) => {
          if (!isStrict || row.id % 2 === 0) return [{ ...row, twice: 2 * row.id }];
          failRow(i, new Error('odd'));
          return [];
        });
      },
    });
  expect(await run(stage(), input(4))).toMatchObject([{ id: 0 }, { id: 2 }]);
  isStrict = false;
  expect(await run(stage(), input(4))).toEqual(input(4).map((row) => ({ ...row, twice: 2 * row.id })));
  expect(await run(stage(), input(4))).toHaveLength(4);
  expect(asked.map(({ ids }) => ids)).toEqual([
    [0, 1, 2, 3],
    [1, 3],
  ]);
  expect(asked[1]?.key, 'other rows have another idempotency key').toMatch(/:[0-9a-f]{16}$/);
});

test('a batch stage that does not return one row for each row is refused with the reason', async () => {
  const process = async (given: Row[]) => given.slice(1);
  const stage = defineStage({ name: 'less', durable: true, cache: { dir: freshFolder() }, process });
  await expect(run(stage, input(4))).rejects.toThrow(/with cache, process must return one row for each row/);
});

test('damaged entries are misses, and are replaced', async () => {
  const dir = freshFolder();
  await run(shouting(dir).stage, input(6));
  const files = entries(dir);
  expect(files).toHaveLength(6);
  const damages = [
    () => '',
    (text: string) => text.slice(0, -3),
    (text: string) => text.replace('TEXT', 'TEXX'),
    (text: string) => `${text}x`,
    () => '0123456789abcdef null',
    () => '\u0000',
  ];
  files.forEach((file, i) => {
    writeFileSync(file, (damages[i] as (text: string) => string)(readFileSync(file, 'utf8')));
  });
  const again = shouting(dir);
  expect(await run(again.stage, input(6))).toMatchObject(
    input(6).map(({ text }) => ({ loud: text.toUpperCase() })),
  );
  expect(again.asked).toHaveLength(6);
  const healed = shouting(dir);
  await run(healed.stage, input(6));
  expect(healed.asked).toEqual([]);
});

test('an answer older than ttlMs is a miss, and files that are too old are removed', async () => {
  const dir = freshFolder();
  const cache = (now: number) => ({ now, cache: new AnswerCache(nodeFileSystem, dir, 1000) });
  const key = 'ab'.repeat(32);
  const first = cache(Date.now());
  await first.cache.put(key, 'answer', first.now);
  expect(await first.cache.get(key, first.now + 1000)).toEqual({ value: 'answer' });
  expect(await first.cache.get(key, first.now + 1001)).toBeUndefined();
  const [old = ''] = entries(dir);
  utimesSync(old, 1, 1);
  await cache(0).cache.put(`ab${'c'.repeat(62)}`, 'another', first.now);
  expect(entries(dir)).toHaveLength(1);
  expect(entries(dir)).not.toContain(old);
});

test('many writers of the same answers: a reader sees a whole answer or none', async () => {
  const dir = freshFolder();
  const caches = Array.from({ length: 8 }, () => new AnswerCache(nodeFileSystem, dir, 60_000));
  const keys = Array.from({ length: 4 }, (_, i) => String(i).repeat(64));
  const now = Date.now();
  const answer = 'long '.repeat(20_000);
  const work = caches.flatMap((cache) =>
    keys.flatMap((key) => [cache.put(key, { key, answer }, now), cache.get(key, now)]),
  );
  for (const got of await Promise.all(work)) if (got) expect(got).toHaveProperty('value.answer', answer);
  expect(entries(dir)).toHaveLength(keys.length);
});

test('a folder that cannot be written costs the cache, not the run', async () => {
  const file = join(freshFolder(), 'file');
  writeFileSync(file, '');
  const { stage, asked } = shouting(join(file, 'cache'));
  expect(await run(stage, input(3))).toHaveLength(3);
  expect(asked).toHaveLength(3);
});

test('cache without durable, without dir and with an unknown option are refused', () => {
  const stage = (options: object) => () => map('shout', (row: Row) => row, options);
  expect(stage({ cache: { dir: 'x' } })).toThrow('Stage "shout": cache needs durable: true.');
  for (const cache of [{}, { dir: '' }, { dir: 'x', ttl: 1 }, { dir: 'x', ttlMs: -1 }, 'x'])
    expect(stage({ durable: true, cache })).toThrow(InvalidOptionError);
});
