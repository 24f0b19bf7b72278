/** `collect()` keeps the sink contract, and its rows can be read during the run. */
import { describe, expect, test } from 'vitest';
import { SinkError } from '../../src/errors.js';
import { collect } from '../../src/sinks/collect.js';
import { sinkContract } from '../../src/testing/contracts/sink.js';
import { contextOf } from '../../src/testing/contracts/source.js';

const rows = Array.from({ length: 10 }, (_, n) => ({ n }));

sinkContract(
  'collect()',
  async () => {
    const sink = collect<unknown>();
    return {
      sink,
      sideBySide: false,
      rows,
      readBack: rows,
      target: async () => (sink.published ? [...sink.rows] : undefined),
      loseUnpublished: async () => {
        await sink.open(undefined, false, contextOf());
      },
    };
  },
  { describe, it: test },
);

test('rows are visible as they are appended; an array of an earlier run stays as it was', async () => {
  const sink = collect<number>();
  const open = await sink.open(undefined, false, contextOf());
  await open.append([open.encode([1, 2])]);
  const taken = sink.rows;
  expect(taken).toEqual([1, 2]);
  expect(sink.published).toBe(false);
  await sink.open(undefined, false, contextOf());
  expect(sink.rows).toEqual([]);
  expect(taken).toEqual([1, 2]);
});

test('reading back before the run has completed is refused', async () => {
  await expect(collect().read({})[Symbol.asyncIterator]().next()).rejects.toThrow(SinkError);
});

test('failed rows are collected beside it', async () => {
  const sink = collect();
  const open = await sink.deadLetters().open(undefined, false, contextOf());
  await open.append([open.encode([{ row: 3 }])]);
  expect(sink.deadLettered.rows).toEqual([{ row: 3 }]);
});
