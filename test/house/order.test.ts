/**
 * Pins: the repository stays readable.
 *
 * - No folder of the sources and tests has more than 16 files side by side.
 * - No source file has more than 320 lines.
 * - The words that docs/ and the sources avoid for code stay away: a process is not a person.
 *
 * The exceptions are listed with their figure, which may only fall.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const MAX_FILES = 16;
const MAX_LINES = 320;
const AVOIDED =
  /\b(nobody|whoever|whomever|somebody|anybody|goes on|went on|is told|unless told|mends?|mended|dies|died)\b/gi;

const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return ['node_modules', 'dist'].includes(entry.name) ? [] : filesIn(path);
  });
const sources = ['src', 'machines'].flatMap(filesIn);
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');

/** Every figure above the limit, by name. */
const above = (figures: readonly (readonly [string, number])[], limit: number) =>
  Object.fromEntries(figures.filter(([, figure]) => figure > limit));

/** Fails for a new exception, a larger figure, and an exception that is no longer needed. */
function expectWithin(found: Readonly<Record<string, number>>, exceptions: Readonly<Record<string, number>>) {
  const worse = Object.entries(found).filter(([name, figure]) => figure > (exceptions[name] ?? 0));
  expect(worse).toEqual([]);
  expect(Object.keys(exceptions).filter((name) => found[name] === undefined)).toEqual([]);
}

test('no folder has more than 16 files', () => {
  const counts = new Map<string, number>();
  for (const path of [...sources, ...filesIn('test')])
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  expectWithin(above([...counts], MAX_FILES), FOLDERS);
});

test('no source file has more than 320 lines', () => {
  const lines = sources
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => [path, textOf(path).split('\n').length - 1] as const);
  expectWithin(above(lines, MAX_LINES), FILES);
});

test.each(['src', 'machines', 'test', 'examples', 'docs', 'README.md', 'ARCHITECTURE.md'])(
  '%s speaks plainly',
  (place) => {
    const paths = place.endsWith('.md') ? [place] : filesIn(place);
    const hits = paths
      .filter((path) => /\.(tsx?|mjs|md)$/.test(path) && !QUOTING.includes(path))
      .flatMap((path) => Array.from(textOf(path).matchAll(AVOIDED), ([word]) => `${path}: ${word}`));
    expect(hits.length, hits.join('\n')).toBeLessThanOrEqual(WORDS[place] ?? 0);
  },
);

/** They quote the words themselves, or titles of tests. */
const QUOTING = ['docs/seeded-bugs.md', 'test/house/order.test.ts'];
const FOLDERS: Readonly<Record<string, number>> = {};
const FILES: Readonly<Record<string, number>> = {};
const WORDS: Readonly<Record<string, number>> = {};
