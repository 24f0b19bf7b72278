/**
 * A stage may throw any value: the run neither hangs nor loses neighbours, the counts are right, and the message is useful.
 */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type AnyStage, defineStage, map } from 'xstate-pipeline';
import { harness, numbers, type Row } from '../../support/runs.js';

const throwingGetter = Object.defineProperty({}, 'message', {
  get() {
    throw new Error('getter');
  },
});
const hostileProxy = new Proxy(
  {},
  {
    get() {
      throw new Error('trap');
    },
    getPrototypeOf() {
      throw new Error('trap');
    },
  },
);

const VALUES: [string, unknown, string][] = [
  ['a plain object with a message', { code: '429', message: 'rate limited' }, 'rate limited'],
  ['an object inside an object', { error: { message: 'rate limited' } }, 'rate limited'],
  ['an object without a message', { status: 429 }, 'status'],
  ['a text', 'rate limited', 'rate limited'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['a symbol', Symbol('odd'), 'odd'],
  ['a BigInt', 5n, '5'],
  ['an object without a prototype', Object.create(null), 'thrown'],
  ['a message that throws', throwingGetter, 'thrown'],
  ['a proxy that throws', hostileProxy, 'thrown'],
  ['a frozen error', Object.freeze(new Error('frozen')), 'frozen'],
  ['an error with a name that is no text', Object.assign(new Error('odd name'), { name: 5 }), 'odd name'],
  ['an error with a message that is no text', Object.assign(new Error(), { message: { a: 1 } }), ''],
  ['an error of another realm', runInNewContext('new Error("abroad")'), 'abroad'],
  ['a promise', Promise.resolve(1), ''],
];

const kinds: Record<
  string,
  (fail: (n: number) => void, onError: 'fail' | 'skip' | 'dead-letter') => AnyStage
> = {
  'a fused stage': (fail, onError) =>
    map(
      's',
      (row: Row) => {
        fail(row.n);
        return row;
      },
      { onError },
    ),
  'an asynchronous row stage': (fail, onError) =>
    map(
      's',
      async (row: Row) => {
        fail(row.n);
        return row;
      },
      { onError, rowConcurrency: 3 },
    ),
  'a durable batch stage': (fail, onError) =>
    defineStage({
      ...{ name: 's', onError, durable: true },
      process: (batch: Row[], { failRow }) =>
        batch.filter(({ n }, i) => {
          try {
            fail(n);
            return true;
          } catch (error) {
            failRow(i, error);
            return false;
          }
        }),
    }),
};

describe.each(Object.keys(kinds))('%s', (kind) => {
  test.each(VALUES)('throws %s', async (_, value, expected) => {
    const fail = (n: number) => {
      if (n === 14) throw value;
    };
    for (const onError of ['skip', 'dead-letter'] as const) {
      const h = harness([kinds[kind]?.(fail, onError) as AnyStage], { count: 50 });
      const { metrics, errors } = await h.start();
      expect(h.sink.rows).toEqual(numbers(50).filter(({ n }) => n !== 14));
      expect(metrics).toMatchObject({
        rowsIn: 50,
        rowsOut: 49,
        rowsFailed: onError === 'skip' ? 1 : metrics.rowsFailed,
      });
      expect(errors).toHaveLength(1);
      expect(errors[0]?.reason).toContain(expected);
      expect(errors[0]?.reason).not.toContain('[object Object]');
    }
    const error = await harness([kinds[kind]?.(fail, 'fail') as AnyStage], { count: 50 })
      .start()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ROW_FAILED', index: 4 });
    expect((error as Error).message).toContain(expected);
  });
});
