/**
 * A project that was moved can be resumed: paths inside it are stored relative to the state directory. A changed working
 * directory moves nothing. A state directory that was removed during a run is named.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { map, PipelineExecutor, pipeline, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';
import { CheckpointWriteError } from '../../src/errors.js';
import { aCheckpoint } from '../support/checkpoints.js';
import { freshFolder } from '../support/folders.js';

const SESSION = aCheckpoint().sessionId;
const started = process.cwd();
afterEach(() => process.chdir(started));

describe('paths in a checkpoint', () => {
  const file = (path: string) => ({ kind: 'jsonl', path, publish: 'rename' });
  const stateIn = (project: string) => new StateManager(lowdbStorage(join(project, 'state')));
  const storedText = (project: string) =>
    readFileSync(join(project, 'state', SESSION, 'checkpoint.json'), 'utf8');

  test('move with the project; paths outside it stay', async () => {
    const folder = freshFolder();
    const [here, there] = [join(folder, 'here'), join(folder, 'there')];
    mkdirSync(here);
    await stateIn(here).saveCheckpoint(
      aCheckpoint({
        pipelineFile: join(here, 'p.ts'),
        source: file(join(folder, 'elsewhere', 'in.jsonl')),
        sink: file(join(here, 'out', 'out.jsonl')),
        deadLetter: { kind: 'mine', path: '/not/a/file' },
      }),
    );
    expect(storedText(here)).toContain('"../out/out.jsonl"');
    renameSync(here, there);
    const { checkpoint } = await stateIn(there).loadCheckpoint(SESSION);
    expect(checkpoint).toMatchObject({
      pipelineFile: join(there, 'p.ts'),
      source: file(join(folder, 'elsewhere', 'in.jsonl')),
      sink: file(join(there, 'out', 'out.jsonl')),
      deadLetter: { kind: 'mine', path: '/not/a/file' },
    });
    const [listed] = await stateIn(there).listCheckpoints();
    expect(listed).toMatchObject({ checkpoint: { sink: file(join(there, 'out', 'out.jsonl')) } });
  });

  test('of a project whose name begins like another are its own', async () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'a'));
    const other = file(join(folder, 'ab', 'out.jsonl'));
    await stateIn(join(folder, 'a')).saveCheckpoint(aCheckpoint({ sink: other }));
    expect(storedText(join(folder, 'a'))).toContain(JSON.stringify(other.path));
  });
});

const INPUT = Array.from({ length: 40 }, (_, n) => `{"n":${n}}\n`).join('');

/** @param onRow called with each row's number. */
function project(folder: string, onRow: (n: number) => void | Promise<void>) {
  writeFileSync(join(folder, 'in.jsonl'), INPUT);
  return pipeline('moved', { batchSize: 5, checkpointInterval: 5 })
    .from(jsonl<{ n: number }>(join(folder, 'in.jsonl')))
    .pipe(
      map('same', async (row) => {
        await onRow(row.n);
        return row;
      }),
    )
    .to(jsonl(join(folder, 'out.jsonl')));
}

test('a paused session of a moved project is resumed in its new place', async () => {
  const folder = freshFolder();
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  mkdirSync(here);
  const stages = project(here, () => {}).stages;
  let pause = () => {};
  const watched = project(here, (n) => {
    if (n === 12) pause();
  });
  const executor = new PipelineExecutor(watched.stages, new StateManager(lowdbStorage(join(here, 'state'))));
  const paused = new Promise<string>((resolve) => {
    pause = () => void executor.pause().then(({ sessionId }) => resolve(sessionId));
  });
  executor.execute(watched).catch(() => {});
  const sessionId = await paused;
  await executor.cancel();
  renameSync(here, there);
  const resumed = new PipelineExecutor(stages, new StateManager(lowdbStorage(join(there, 'state'))));
  await resumed.resume(sessionId);
  expect(readFileSync(join(there, 'out.jsonl'), 'utf8')).toBe(INPUT);
});

test('a stage that changes the working directory changes nothing', async () => {
  const folder = freshFolder();
  process.chdir(folder);
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  const run = project(folder, (n) => {
    if (n === 12) process.chdir(elsewhere);
  }).run({ stateDir: 'state' });
  await run;
  expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(INPUT);
});

test('a state directory that is removed during a run fails it, by name', async () => {
  const folder = freshFolder();
  const stateDir = join(folder, 'state');
  const run = project(folder, (n) => {
    if (n === 12) rmSync(stateDir, { recursive: true });
  }).run({ stateDir });
  const error = await Promise.resolve(run).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(CheckpointWriteError);
  expect(String(error)).toContain(`${stateDir}`);
  expect(String(error)).toContain('was removed during the run');
});
