/**
 * Pins: `crashTest` kills at the operations it names; a pipeline that recovers passes, and a report lists the points at which
 * another does not; a pipeline that cannot be tested is refused first. test/crash tests the product itself.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CrashTestError, crashTest, TestingError } from 'xstate-pipeline/testing';

const TIMEOUT = { timeout: 180_000 };
const file = (name: string) => new URL(`../pipelines/${name}`, import.meta.url);
const files = { 'in.jsonl': Array.from({ length: 8 }, (_, n) => `{"n":${n}}\n`).join('') };

test('a pipeline that recovers passes: killed at some operations and at random', TIMEOUT, async () => {
  const report = await crashTest(file('steady.ts'), { files, points: 5, random: 1, seed: 11 });
  expect(report.operations).toBeGreaterThan(40);
  expect(report.points).toHaveLength(6);
  expect(report.kills).toBeGreaterThanOrEqual(6);
  expect(report.seed).toBe(11);
  for (const { name, problems } of report.points) {
    expect(name).toMatch(
      /^operation \d+: (write|sync|datasync|truncate|create|rename|unlink|mkdir|rmdir|syncDirectory) |^after event \d+, then operation \d+: /,
    );
    expect(problems).toEqual([]);
  }
});

test(
  'a sink that writes rows twice fails; the error names the points and the command to run them again',
  TIMEOUT,
  async () => {
    const output = async (folder: string) => readFileSync(join(folder, 'out.txt'), 'latin1');
    const options = { files, points: [30, 45], random: 0, seed: 3, output };
    const error = await crashTest(file('forgetful.mjs'), options).catch((thrown: unknown) => thrown);
    if (!(error instanceof CrashTestError)) throw error;
    expect(error.code).toBe('CRASH_TEST');
    expect(error.message).toMatch(
      /^The pipeline did not recover from a crash at \d of 2 points:\n {2}operation \d+: /,
    );
    expect(error.message).toMatch(
      /To run them again: crashTest\(file, \{ points: \[30(, 45)?\], seed: 3 \}\)/,
    );
    expect(readFileSync(join(error.folder, 'work/out.txt'), 'utf8').split('\n').length).toBeGreaterThan(9);
    rmSync(error.folder, { recursive: true });
  },
);

test('rows that differ from call to call are reported as such', TIMEOUT, async () => {
  const options = { files, points: 1, random: 0 };
  await expect(crashTest(file('unsteady.mjs'), options)).rejects.toThrow('Two uninterrupted runs');
});

describe('a pipeline that cannot be tested is refused', () => {
  test.each([
    ['no input', 'steady.ts', {}, 'in.jsonl'],
    ['an output outside the folder', 'outside.mjs', { files }, '/nowhere'],
    ['no pipeline file', 'nowhere.ts', {}, 'nowhere.ts'],
    [
      'a test file outside the folder',
      'steady.ts',
      { files: { '../in.jsonl': '' } },
      'outside the working directory',
    ],
  ])('%s', TIMEOUT, async (_, name, options, message) => {
    const error = await crashTest(file(name), options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TestingError);
    expect(String(error)).toContain(message);
  });
});
