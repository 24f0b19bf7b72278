/** (I26) Rows in memory have a hash that tells them from other rows. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/platform/clock.js';
import { hashOfRows } from '../../src/sources/rows-hash.js';

const row = { id: 7, name: 'Ada', price: 1.5, tags: ['a', null, true], at: { city: 'Oslo', note: '' } };
const hash = (...rows: unknown[]) => hashOfRows(rows);

test('equal rows have the same hash', () => {
  expect(hash(row, { ...row, id: 8 })).toBe(hash(structuredClone(row), { ...row, id: 8 }));
  expect(hash({ name: `A${'da'}` })).toBe(hash({ name: 'Ada' }));
  expect(hash({ at: new Date(0) })).toBe(hash({ at: '1970-01-01T00:00:00.000Z' }));
  expect(hash(Object.assign(Object.create(null), row))).toBe(hash(row));
});

test.each<[string, unknown]>([
  ['a number', { ...row, id: 8 }],
  ['a fraction', { ...row, price: 1.25 }],
  ['its sign', { ...row, price: -1.5 }],
  ['a letter', { ...row, name: 'Adb' }],
  ['a letter in the middle', { ...row, name: 'Aba' }],
  ['the order of letters', { ...row, name: 'dAa' }],
  ['the type', { ...row, id: '7' }],
  ['a value in an array', { ...row, tags: ['a', null, false] }],
  ['the order of an array', { ...row, tags: [null, 'a', true] }],
  ['a field deep inside', { ...row, at: { city: 'Oslo', note: ' ' } }],
  ['the name of a field', { ...row, at: { town: 'Oslo', note: '' } }],
  ['the order of fields', Object.fromEntries(Object.entries(row).reverse())],
  ['a field more', { ...row, extra: null }],
  ['a field less', { ...row, at: { city: 'Oslo' } }],
])('another hash: %s', (_, other) => {
  expect(hash(other)).not.toBe(hash(row));
});

test('another hash: rows in another order, a row more, a text that moved to the neighbouring row', () => {
  const other = { ...row, id: 8 };
  expect(hash(other, row)).not.toBe(hash(row, other));
  expect(hash(row, other, {})).not.toBe(hash(row, other));
  expect(hash('ab', 'c')).not.toBe(hash('a', 'bc'));
  expect(hash([1], 2)).not.toBe(hash(1, [2]));
});

test('no two of many similar rows have the same hash', () => {
  const random = seededRandom(Number(process.env.XSTATE_PIPELINE_SEED ?? 1));
  const hashes = new Set<string>();
  const count = 100_000;
  for (let id = 0; id < count; id++)
    hashes.add(hash({ id, name: `customer ${id.toString(36)}`, price: Math.floor(random() * 100) / 100 }));
  expect(hashes.size).toBe(count);
});

test('of rows that cannot be read, the number is compared', () => {
  const own: { self?: unknown } = {};
  own.self = own;
  expect(hash(own)).toBe(hash({ ...own }));
  expect(hash(own)).not.toBe(hash(own, own));
  expect(hash({ big: 1n })).not.toBe(hash({ big: 2n }));
});
