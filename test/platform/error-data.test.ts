/** Any value can be thrown. What is kept of it is data that a checkpoint can hold (I27). */
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { codeOf, errorData, messageOf } from '../../src/platform/thrown.js';

const throwing = (field: string) =>
  Object.defineProperty(new Error('hidden'), field, {
    get: () => {
      throw new Error('a getter that throws');
    },
  });

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'no'],
  ['a symbol', Symbol('no')],
  ['an object without a prototype', Object.create(null)],
  ['a frozen error', Object.freeze(new Error('cold'))],
  ['a message that is an object', Object.assign(new Error(), { message: { detail: 'x' } })],
  ['a message that is a number', Object.assign(new Error(), { message: 42 })],
  ['a name that is a number', Object.assign(new Error('x'), { name: 42 })],
  ['a code that is an object', Object.assign(new Error('x'), { code: {} })],
  ['a message that throws', throwing('message')],
  ['a name that throws', throwing('name')],
  ['a code that throws', throwing('code')],
  [
    'a proxy that throws',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
      },
    ),
  ],
  ['a long message', new Error('x'.repeat(10_000))],
])('%s thrown gives bounded text', (_, thrown) => {
  const data = errorData(thrown);
  expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  expect(Object.keys(data).sort()).toEqual(['code', 'message', 'name']);
  for (const text of Object.values(data)) {
    expect(typeof text).toBe('string');
    expect(text.length).toBeLessThanOrEqual(300);
  }
  expect(data.message).not.toBe('');
});

test('a thrown object keeps its message and its code', () => {
  expect(errorData({ code: '429', message: 'rate limited' })).toEqual({
    ...{ name: 'object', code: '429', message: 'rate limited' },
  });
  expect(messageOf({ error: { message: 'rate limited' } })).toBe('rate limited');
  expect(codeOf({ code: 429 })).toBe('429');
  expect(messageOf({ status: 500 })).toBe('an object without a message was thrown (status)');
});

test('an error of another realm is an error', () => {
  const foreign = runInNewContext('Object.assign(new TypeError("far away"), { code: "EFAR" })') as unknown;
  expect(foreign).not.toBeInstanceOf(Error);
  expect(errorData(foreign)).toEqual({ name: 'TypeError', code: 'EFAR', message: 'far away' });
});
