/**
 * Pinned: an applied patch gives the context after any change: of values, nested objects, arrays, and by deletion. It names
 * only what changed.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from 'xstate-pipeline';
import { applyPatch, changedPaths, EMPTY_PATCH, type Patch, patchText } from '../../src/recording/patch.js';

const patchOf = (before: object, after: object): Patch => {
  const text = patchText(before as JsonObject, after as JsonObject);
  return text === '' ? EMPTY_PATCH : (JSON.parse(text) as Patch);
};
const plain = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

test('what is the same object, or the same value, is not mentioned', () => {
  const window = [{ batch: 1 }];
  const before = { next: 1, flow: { reading: false, writing: true }, window };
  expect(patchText(before, before)).toBe('');
  expect(patchText(before, { ...before, flow: { ...before.flow } })).toBe('');
  expect(patchOf(before, { ...before, flow: { ...before.flow, reading: true } })).toEqual({
    in: { flow: { set: { reading: true } } },
  });
});

test('a list that changed in one place is not repeated whole', () => {
  const entry = (batch: number, at: number) => ({ batch, at });
  const window = [entry(1, 0), entry(2, 0), entry(3, 0)];
  const moved = window.map((item) => (item.batch === 2 ? entry(2, 1) : item));
  expect(patchOf({ window }, { window: moved })).toEqual({
    splice: { window: [1, 1, { batch: 2, at: 1 }] },
  });
  expect(patchOf({ window }, { window: window.slice(1) })).toEqual({ splice: { window: [0, 1] } });
});

test('deletions are deletions, also of a key whose value became undefined', () => {
  const before = { a: 1, b: { c: 1, d: 2 } };
  const after = { a: undefined, b: { d: 2 } };
  const patch = patchOf(before, after);
  expect(patch).toEqual({ unset: ['a'], in: { b: { unset: ['c'] } } });
  expect(applyPatch(before, patch)).toEqual({ b: { d: 2 } });
  expect(changedPaths(patch)).toEqual(['a', 'b.c']);
});

test('applying shares what did not change, and changes nothing of before', () => {
  const before = { kept: { x: 1 }, changed: { y: 1 } };
  const after = applyPatch(before, { in: { changed: { set: { y: 2 } } } });
  expect(before).toEqual({ kept: { x: 1 }, changed: { y: 1 } });
  expect(after.kept).toBe(before.kept);
});

test('any two contexts', () => {
  // A key that reaches a prototype is refused wherever JSON is read (I9).
  const context = fc
    .dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'quoted "key"'), fc.jsonValue({ maxDepth: 3 }))
    .filter((value) => !JSON.stringify(value).includes('"__proto__"'));
  fc.assert(
    fc.property(context, context, (one, other) => {
      // A part of the one stands in the other as the very same object.
      const [before, after] = [plain(one), { ...plain(other), ...(one.a === undefined ? {} : { a: one.a }) }];
      expect(applyPatch(before, patchOf(before, after))).toEqual(plain(after));
    }),
  );
});
