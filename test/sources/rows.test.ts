/**
 * Rows from memory keep the source contract. An iterable that can be read only once is refused the second time, and only then.
 * A wait for a source that never answers can be ended.
 */
import { describe, expect, test } from 'vitest';
import { InvalidOptionError, PipelineMismatchError, SourceError } from '../../src/errors.js';
import { type RowsInput, rows } from '../../src/sources/rows.js';
import { contextOf, readAll, sourceContract } from '../../src/testing/contracts/source.js';

const values = Array.from({ length: 20 }, (_, n) => ({ n }));

async function* later(from: readonly unknown[]): AsyncGenerator<unknown> {
  yield* from;
}

const kinds: Readonly<Record<string, (from: readonly unknown[]) => RowsInput<unknown>>> = {
  'an array': (from) => [...from],
  'a set': (from) => new Set(from),
  'a function that gives an array': (from) => () => [...from],
  'a function that gives a generator': (from) => () => from.values(),
  'a function that gives an async generator': (from) => () => later(from),
};

for (const [name, make] of Object.entries(kinds)) {
  sourceContract(
    `rows() over ${name}`,
    async () => ({
      source: () => rows(make(values)),
      rows: values,
      shorter: async () => rows(make(values.slice(0, 15))),
    }),
    { describe, it: test },
  );
}

describe('rows()', () => {
  test.each([
    ['a generator', () => values.values()],
    ['an async generator', () => later(values)],
  ])('%s is read once, also from a position, and refused the second time', async (_, make) => {
    const source = rows<unknown>(make());
    const opened = await source.open({ rows: 18 }, contextOf());
    expect((await readAll(opened)).flatMap((batch) => batch.rows)).toEqual(values.slice(18));
    await expect(source.open({ rows: 20 }, contextOf())).rejects.toThrow(SourceError);
    await expect(source.open(undefined, contextOf())).rejects.toThrow('Pass a function');
  });

  test('reads an iterable again that is not its own iterator', async () => {
    const source = rows(new Set([1, 2, 3]));
    for (let i = 0; i < 2; i++) {
      expect((await readAll(await source.open(undefined, contextOf())))[0]?.rows).toEqual([1, 2, 3]);
    }
  });

  test('gives the total of an array, and reads changes during the run', async () => {
    const array = [1, 2];
    const opened = await rows(array).open(undefined, contextOf());
    expect(opened.total).toEqual({ unit: 'rows', value: 2 });
    await opened.read(2, 1);
    array.push(3);
    expect((await readAll(opened))[0]?.rows).toEqual([3]);
  });

  test('ends a waiting read at closing', async () => {
    const opened = await rows(() => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<unknown>>(() => {}) }),
    })).open(undefined, contextOf());
    const reading = opened.read(1, 1);
    await opened.close();
    expect(await reading).toBeUndefined();
  });

  test('returns the generator at closing, so that it can clean up', async () => {
    let isCleanedUp = false;
    function* numbers() {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        isCleanedUp = true;
      }
    }
    const opened = await rows(numbers).open(undefined, contextOf());
    await opened.read(3, 1);
    await opened.close();
    expect(isCleanedUp).toBe(true);
  });

  test('rejects a read with what the iterable throws', async () => {
    const opened = await rows(broken).open(undefined, contextOf());
    await expect(readAll(opened)).rejects.toThrow('the service is down');
  });

  test.each([['text.jsonl'], [17], [undefined], [null], [{}]])('refuses %j', (input) => {
    expect(() => rows(input as unknown as RowsInput<unknown>)).toThrow(InvalidOptionError);
  });

  test('names both counts for a shorter input', async () => {
    await expect(rows([1]).open({ rows: 2 }, contextOf())).rejects.toThrow(
      new PipelineMismatchError(['the input has 1 rows, and the run had read 2'], false),
    );
  });
});

async function* broken(): AsyncGenerator<unknown> {
  yield 1;
  throw new Error('the service is down');
}
