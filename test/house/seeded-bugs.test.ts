/** Pins: each seeded bug still has its place, so that what `test/mutants` shows is of the sources as they are. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BUGS } from '../mutants/bugs.mjs';

test.each(BUGS)('$name: $what', ({ file, search, replace }) => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  expect(source.split(search).length - 1, `places of its text in ${file}`).toBe(1);
  expect(replace).not.toBe(search);
});
