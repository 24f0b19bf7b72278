/**
 * Pins: every variant of the benchmarks that needs no packages of others still runs, and those that write an output
 * write the same one; a typo is answered; the tables of BENCHMARKS.md are those of the published results.
 *
 * The figures of a quick run mean nothing and are not looked at.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

interface Measured {
  readonly name: string;
  readonly runs: readonly { readonly seconds: number; readonly hash?: string }[];
  readonly failure?: string;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bench = (...words: string[]) =>
  spawnSync(process.execPath, [here('run.mjs'), ...words], { encoding: 'utf8', timeout: 240_000 });

/** The variants of each case: how often each was measured, and whether it failed. */
function quick(...words: string[]): Record<string, Measured[]> {
  const out = join(dir, 'quick.json');
  const { status, stdout, stderr } = bench(...words, '--quick', '--no-peers', '--out', out);
  expect(`${status} ${stderr} ${stdout.match(/FAIL.*/g) ?? ''}`).toBe('0  ');
  const results = JSON.parse(readFileSync(out, 'utf8')) as Record<
    string,
    { cases: { name: string; variants: Measured[] }[] }
  >;
  return Object.fromEntries(
    Object.entries(results).flatMap(([workload, { cases }]) =>
      cases.map(({ name, variants }) => [`${workload}, ${name}`, variants]),
    ),
  );
}

test('every variant runs, and outputs are the same', { timeout: 240_000 }, () => {
  const cases = quick();
  const failures = Object.values(cases).flatMap((variants) => variants.filter(({ failure }) => failure));
  expect(failures).toEqual([]);
  expect(new Set(Object.keys(cases).map((name) => name.split(',')[0]))).toEqual(
    new Set(['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7', 'W8', 'W9', 'W12']),
  );
  const w1 = cases['W1, file to file'] ?? [];
  expect(w1.length).toBeGreaterThan(4);
  const hashes = w1.flatMap(({ runs }) => runs.map(({ hash }) => hash));
  expect(new Set(hashes).size).toBe(1);
  expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/);
});

test.each([
  [['W0'], 'There is no workload "W0". There are: W1, W2'],
  [['--only', 'xstate'], 'There is no variant "xstate". There are: hand-written loop, xstate-pipeline'],
  [['--rows', 'many'], '--rows must be a whole number from 1, not "many"'],
  [['--run', '3'], "Unknown option '--run'"],
])('%j is answered with what there is', (words, answer) => {
  const { status, stdout, stderr } = bench(...words);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(answer);
  expect(stderr).toContain('usage: npm run bench');
});

test('BENCHMARKS.md shows what was published', () => {
  expect(spawnSync(process.execPath, [here('report.mjs'), '--check']).status).toBe(0);
});
