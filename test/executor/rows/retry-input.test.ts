/**
 * Every attempt gets the rows as they were: what a failed attempt changed in place reaches neither the next attempt, nor the
 * dead letters, nor the caller's own objects.
 */
import { expect, test } from 'vitest';
import { type AnyStage, defineStage, filter, map, rows } from 'xstate-pipeline';
import { copyRow } from '../../../src/formats/copy-row.js';
import { manualClock } from '../../../src/testing.js';
import { harness } from '../../support/runs.js';

interface Item {
  n: number;
  tags: string[];
}

const retry = { attempts: 2, initialDelayMs: 0, jitter: false };
const items = (count: number): Item[] => Array.from({ length: count }, (_, n) => ({ n, tags: [] }));
const changed = (item: Item): Item => {
  item.n += 100;
  item.tags.push('changed');
  return item;
};

function failsOnce(): () => void {
  let isFirst = true;
  return () => {
    if (!isFirst) return;
    isFirst = false;
    throw new Error('503');
  };
}

const stages: Record<string, () => AnyStage> = {
  'a batch stage': (fail = failsOnce()) =>
    defineStage({
      ...{ name: 's', retry },
      process: async (batch: Item[]) => {
        for (const item of batch) changed(item);
        fail();
        return batch;
      },
    }),
  'a durable batch stage': (fail = failsOnce()) =>
    defineStage({
      ...{ name: 's', retry, durable: true },
      process: async (batch: Item[]) => {
        const out = batch.map(changed);
        fail();
        return out;
      },
    }),
  'a row stage': (fail = failsOnce()) =>
    map(
      's',
      async (item: Item) => {
        changed(item);
        if (item.n === 101) fail();
        return item;
      },
      { retry },
    ),
  'a filter': (fail = failsOnce()) =>
    filter(
      's',
      (item: Item) => {
        changed(item);
        if (item.n === 101) fail();
        return true;
      },
      { retry },
    ),
};

test.each(Object.keys(stages))('%s that changed its rows and failed', async (kind) => {
  const h = harness([stages[kind]?.() as AnyStage], { source: rows(items(3)) as never });
  await h.start();
  expect(h.sink.rows).toEqual([100, 101, 102].map((n) => ({ n, tags: ['changed'] })));
});

test('an attempt that still changes rows after its timeout', async () => {
  const clock = manualClock();
  let finishFirst = () => {};
  const stage = defineStage({
    ...{ name: 's', retry, timeoutMs: 50 },
    process: async (batch: Item[], { attempt }) => {
      if (attempt === 1) await new Promise<void>((resolve) => (finishFirst = resolve));
      return batch.map(changed);
    },
  });
  const h = harness([stage], { source: rows(items(2)) as never, environment: { clock } });
  const started = h.event('batch.started');
  const retried = h.event('batch.retried');
  const run = h.start();
  await started;
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(50);
  await retried;
  finishFirst();
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10);
  await run;
  expect(h.sink.rows).toEqual([100, 101].map((n) => ({ n, tags: ['changed'] })));
});

test.each([
  ['a batch stage', defineStage({ name: 's', onError: 'dead-letter', process: failing })],
  ['a fused stage', map('s', (item: Item) => failing([item])[0] as Item, { onError: 'dead-letter' })],
])('dead letters hold the row as the stage received it: %s', async (_, stage) => {
  const h = harness([stage, map('m', (item: Item) => item)], { source: rows(items(3)) as never });
  await h.start().catch(() => {});
  expect(h.sink.deadLettered.rows.map(({ value }) => value)).toEqual(items(3));
});

function failing(batch: Item[]): Item[] {
  for (const item of batch) changed(item);
  throw new Error('no');
}

test('the caller’s array is as before, and a resumed run reads the same rows', async () => {
  const input = items(20);
  const stage = map('s', changed);
  const h = harness([stage], { source: rows(input) as never });
  await h.start();
  expect(h.sink.rows.map(({ n }) => n)).toEqual(items(20).map(({ n }) => n + 100));
  expect(input).toEqual(items(20));
});

test('a copy of a row is deep; what is no JSON is passed on', () => {
  const date = new Date(0);
  const row = { a: [{ b: 1 }], date, none: null };
  const copy = copyRow(row);
  expect(copy).toEqual(row);
  expect(copy.a[0]).not.toBe(row.a[0]);
  expect(copy.date).toBe(date);
  const hostile = JSON.parse('{"__proto__":{"x":1}}') as object;
  expect(JSON.stringify(copyRow(hostile))).toBe('{"__proto__":{"x":1}}');
});
