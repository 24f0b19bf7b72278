/**
 * Pins: `replayAll` gives one result for each recording of a folder, at any depth; one that differs or is damaged does not hide the
 * others, and other files are left out.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RecordingError } from 'xstate-pipeline';
import { replayAll } from 'xstate-pipeline/testing';
import { freshFolder } from '../../support/folders.js';
import { recordedRun, textOf, whole, wholeWith } from './recorded-run.js';

test('one result each', async () => {
  const folder = freshFolder();
  const text = textOf(await recordedRun());
  const put = (path: string, contents: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), contents);
  };
  put('a.recording.jsonl', text);
  put('b.recording.jsonl', 'not a recording\n');
  put('deep/session/recording/00000001.jsonl', text);
  put('deep/unnamed.jsonl', text);
  put('out.jsonl', '{"n":1}\n');
  put('notes.txt', text);

  const same = await replayAll(whole, folder);
  expect(same.map(({ path, ok }) => [path, ok])).toEqual([
    ['a.recording.jsonl', true],
    ['b.recording.jsonl', false],
    [join('deep', 'session', 'recording'), true],
    [join('deep', 'unnamed.jsonl'), true],
  ]);
  expect(same[0]?.text).toMatch(/^The same: /);
  expect(same[0]?.result?.events).toBeGreaterThan(20);
  expect(same[1]?.text).toContain('holds no recording');

  const changed = await replayAll(wholeWith(1), folder);
  expect(changed.map(({ ok }) => ok)).toEqual([false, false, false, false]);
  expect(changed[0]?.result?.divergence).toBeDefined();
});

test('a folder without a recording is an error', async () => {
  await expect(replayAll(whole, freshFolder())).rejects.toThrow(RecordingError);
});
