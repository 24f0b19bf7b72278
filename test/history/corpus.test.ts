/**
 * Pins: this version reads what every released version stored. Every recording of the corpus takes the same path through
 * today's machines, and every session resumes to byte-identical output (I7, I9, I18).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTestExecutor, loadSnapshot, replay } from 'xstate-pipeline/testing';
import { filesIn, home, type KeptRun, keptRuns } from './corpus.js';
import { OUTPUT, output, runs, whole } from './runs.mjs';

/** The message of a failed comparison. */
const broken = ({ version, name }: KeptRun, what: string) =>
  `${version}/${name}: ${what} Sessions that users of ${version} have stored would break. If ${version} is released, fix the code. If it is not, and the change is intended, record again: npm run build && node test/history/record.mjs\n`;

test('the corpus has every kind of ending, and is small', () => {
  const kinds = new Set(keptRuns.map(({ name }) => name));
  expect([...kinds].sort()).toEqual(['cancelled', 'completed', 'failed', 'killed', 'paused', 'retried']);
  for (const { version } of keptRuns) {
    const sizes = Object.values(filesIn(join(home, version))).map(({ length }) => length);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(500_000);
  }
});

test('the version to come has one', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const recorded = keptRuns.filter((kept) => kept.version === version).map(({ name }) => name);
  const how = 'Record it: npm run build && node test/history/record.mjs';
  expect(recorded.sort(), how).toEqual(Object.keys(runs).sort());
});

describe.each(keptRuns)('$version/$name', (run) => {
  test('replays on the machines of today', async () => {
    const { ok, text, unchecked } = await replay(whole, join(run.folder, 'session/recording'));
    expect(ok, broken(run, `its recording takes another way now.\n${text}\n`)).toBe(true);
    expect(unchecked).toBe(0);
  });

  test('resumes to the same output', async () => {
    const snapshot = await loadSnapshot(join(run.folder, 'session/checkpoint.json'), whole.stages);
    const { sessionId, state } = snapshot.checkpoint ?? {};
    const at = (folder: string, to: string) =>
      Object.entries(filesIn(join(run.folder, folder))).map(([path, bytes]) => [`${to}/${path}`, bytes]);
    const files = Object.fromEntries([
      ...at('files', '/srv/history'),
      ...at('session', `.xstate-pipeline/${sessionId}`),
    ]);
    const executor = createTestExecutor(whole, { files, snapshot });
    if (state !== 'COMPLETED') {
      await executor.resume().catch((error: unknown) => {
        throw new Error(broken(run, `it cannot be resumed: ${String(error)}.`), { cause: error });
      });
    }
    expect(executor.text(OUTPUT), broken(run, 'it resumes to another output.')).toBe(output);
    const isWorked = (type: string) =>
      executor.events.filter((event) => event.type === type && 'stage' in event && event.stage === 'paid');
    // What had passed the gap was taken from the journal.
    if (run.name === 'killed' || run.name === 'cancelled')
      expect(isWorked('batch.completed').some((event) => 'fromJournal' in event && event.fromJournal)).toBe(
        true,
      );
  });
});

test('what is recorded says nothing of the machine that it was recorded on', () => {
  for (const { folder } of keptRuns) {
    const text = readFileSync(join(folder, 'session/recording/000001.jsonl'), 'utf8');
    expect(text.replace(/\/srv\/history\//g, '')).not.toMatch(/"\/[a-z]/);
  }
});
