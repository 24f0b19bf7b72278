/** Pins: each seeded bug has exactly one place in the sources as they are, and what it becomes is TypeScript. */
import { expect, test } from 'vitest';
import { BUGS, seed } from '../mutants/bugs.js';

test.each(BUGS)('$name: $what', (bug) => {
  const { original, text } = seed(bug);
  expect(text).not.toBe(original);
});

test('no two bugs have the same name', () => {
  expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
});
