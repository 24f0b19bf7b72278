/**
 * Pins: a checkpoint of every released format loads, is restored as a runnable snapshot and resumes in an executor; a damaged
 * one is refused (I9, I18). `formats/` holds one file for each released format: add files, never change one.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { map, pipeline } from 'xstate-pipeline';
import { createExecutorMachine, InvalidSnapshotError } from 'xstate-pipeline/machines';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, loadSnapshot, readSnapshot } from 'xstate-pipeline/testing';
import { freshFolder } from '../support/folders.js';

const formats = new URL('formats/', import.meta.url);
const bare = new URL('../../examples/05-replay-a-snapshot/killed-while-executing.json', import.meta.url);

describe.each(readdirSync(formats))('%s', (name) => {
  const file = new URL(name, formats);

  test('is restored in PAUSED, and resumes in the machine', async () => {
    const { checkpoint, storedState, stages, snapshot } = await loadSnapshot(file);
    expect(checkpoint?.pipeline).toBe('numbers');
    expect(storedState).toBe('EXECUTING');
    const actor = createActor(createExecutorMachine(stages), { snapshot, input: {} }).start();
    expect(actor.getSnapshot().value).toBe('PAUSED');
    actor.send({ type: 'resume' });
    expect(actor.getSnapshot().value).toBe('INITIALIZING');
    actor.send({ type: 'opened' });
    expect(actor.getSnapshot().value).toBe('EXECUTING');
  });

  test('resumes in an executor, to the right output', async () => {
    const double = map('double', ({ n }: { n: number }) => ({ n: n * 2 }));
    const whole = pipeline('numbers', { batchSize: 2, checkpointInterval: 4 })
      .from(jsonl<{ n: number }>('in.jsonl'))
      .pipe(double)
      .to(jsonl('out.jsonl'));
    const snapshot = await loadSnapshot(file, whole.stages);
    const line = (n: number) => `${JSON.stringify({ n })}\n`;
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    const files = {
      'in.jsonl': numbers.map(line).join(''),
      'out.jsonl.part': [0, 1, 2, 3].map((n) => line(n * 2)).join(''),
    };
    const test = createTestExecutor(whole, { files, snapshot });
    // The checkpoint contains the paths of the computer that wrote it.
    await test.resume({ force: true });
    expect(await test.output()).toEqual(numbers.map((n) => ({ n: n * 2 })));
    expect(test.invocations.map(({ batch }) => batch)).toEqual([2, 3, 4]);
  });
});

describe('paths', () => {
  const copies = pipeline('copies', { batchSize: 2, checkpointInterval: 2 })
    .from(jsonl<{ n: number }>('data/in.jsonl'))
    .pipe(map('same', (row: { n: number }) => row))
    .to(jsonl('data/out.jsonl'));
  const input = Array.from({ length: 8 }, (_, n) => `{"n":${n}}\n`).join('');

  async function killed() {
    const test = createTestExecutor(copies, { files: { 'data/in.jsonl': input } });
    test.disk.cutAt(60);
    void test.execute();
    await test.settle();
    test.crash();
    const { text = '' } = test.checkpoint() ?? {};
    expect(JSON.parse(text).sink.path).toBe('../data/out.jsonl');
    return { text, part: test.text('data/out.jsonl.part') ?? '' };
  }

  test('of a session are those of its project, of a copy those beside it', async () => {
    const { text } = await killed();
    const folder = freshFolder();
    const { sessionId } = JSON.parse(text);
    mkdirSync(join(folder, 'state', sessionId), { recursive: true });
    for (const [file, sink] of [
      [`state/${sessionId}/checkpoint.json`, 'data/out.jsonl'],
      ['killed.json', 'data/out.jsonl'],
    ] as const) {
      writeFileSync(join(folder, file), text);
      const { checkpoint, text: same } = await loadSnapshot(join(folder, file));
      expect(checkpoint?.sink?.path).toBe(join(folder, sink));
      expect(same).toBe(text);
    }
    expect(readSnapshot(text).checkpoint?.sink?.path).toBe(resolve('data/out.jsonl'));
  });

  test('of another computer are relocated, and the session resumes there', async () => {
    const { text, part } = await killed();
    const elsewhere = readSnapshot(text, copies.stages, { relocate: (path) => `/home/ci/${basename(path)}` });
    expect(elsewhere.checkpoint?.source?.path).toBe('/home/ci/in.jsonl');
    const file = join(freshFolder(), 'ci.json');
    writeFileSync(file, elsewhere.text);
    const snapshot = await loadSnapshot(file, copies.stages, {
      relocate: (path) => join('data', basename(path)),
    });
    const files = { 'data/in.jsonl': input, 'data/out.jsonl.part': part };
    const test = createTestExecutor(copies, { files, snapshot });
    await test.resume();
    expect(test.text('data/out.jsonl')).toBe(input);
  });
});

test('a bare machine snapshot', async () => {
  const { checkpoint, snapshot, stages } = await loadSnapshot(bare);
  expect(checkpoint).toBeUndefined();
  expect(stages).toEqual([{ name: 'slow', concurrency: 2, attempts: 1 }]);
  expect(snapshot.context).toMatchObject({ next: 21, window: [] });
});

test('a damaged snapshot, one of other stages and one of a later release are refused', async () => {
  const text = readFileSync(new URL('1.json', formats), 'utf8');
  const refused = (damaged: string) => expect(() => readSnapshot(damaged));
  refused('').toThrow('not JSON');
  refused('[]').toThrow('not an object');
  refused(text.replace('"double"', '"triple"')).toThrow('checksum');
  refused(text.replace(/"format": ?1/, '"format":99')).toThrow('written by a newer release');
  refused(readFileSync(bare, 'utf8').replace('"EXECUTING"', '"BOGUS"')).toThrow(InvalidSnapshotError);
  await expect(loadSnapshot(bare, [map('fast', (row) => row)])).rejects.toThrow(InvalidSnapshotError);
  await expect(loadSnapshot('nowhere.json')).rejects.toThrow('nowhere.json: there is no such file');
});

test('the error names a file that is not a checkpoint', async () => {
  await expect(loadSnapshot('package.json')).rejects.toThrow('snapshot.value: expected one of IDLE');
  await expect(loadSnapshot('README.md')).rejects.toThrow(/README\.md: not JSON/);
  await expect(loadSnapshot('docs')).rejects.toThrow(/docs: it is a directory; give the path of a file/);
  await expect(loadSnapshot(new URL('https://example.org/'))).rejects.toThrow('must begin with file:');
});
