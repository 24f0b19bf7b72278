/**
 * What a killed process leaves beside the output is known from before its first byte, and goes with its session (I19). Two
 * paths of one output are one output.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { call, folder, pipelineFile, rowsText, run, SLOWLY, start, text } from '../cli/command.js';

/** With DIE, the process kills itself between the creation of its part file and its first checkpoint. */
const DYING = `
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
const to = jsonl('out.jsonl');
const { open } = to.sink;
const sink = { ...to.sink, open: async (...args) => {
  const opened = await open(...args);
  if (process.env.DIE) process.kill(process.pid, 'SIGKILL');
  return opened;
} };
export default pipeline('words').from(jsonl('in.jsonl')).pipe(map('same', (row) => row)).to(sink);
`;

const parts = (cwd: string) => readdirSync(cwd).filter((name) => name.endsWith('.part'));

test('part files of processes that were killed before their first checkpoint: prune removes them', async () => {
  const cwd = folder({ 'in.jsonl': rowsText(30), 'p.mjs': DYING });
  for (let i = 0; i < 2; i++) await run(['run', 'p.mjs'], { cwd, env: { DIE: '1' } });
  expect(parts(cwd)).toHaveLength(2);
  expect((await run(['run', 'p.mjs'], { cwd })).code).toBe(0);
  expect(text(cwd, 'out.jsonl')).toBe(rowsText(30));
  const { stdout } = await call(['prune', '--older-than', '1h'], { cwd });
  expect(stdout.match(/never saved/g)).toHaveLength(2);
  expect(parts(cwd)).toEqual([]);
});

test('a session that begins again with its id leaves no part file of its killed opening', async () => {
  const begin = `
    import { PipelineExecutor, StateManager } from 'xstate-pipeline';
    import { lowdbStorage } from 'xstate-pipeline/node';
    import words from './p.mjs';
    const environment = { newSessionId: () => '0f8fad5b-d9cb-469f-a165-70867728950e' };
    const manager = new StateManager(lowdbStorage('state'));
    if (process.env.UNSAVED) manager.saveCheckpoint = () => process.kill(process.pid, 'SIGKILL');
    const executor = new PipelineExecutor(words.stages, manager, [], environment);
    await executor.execute(words);`;
  const cwd = folder({ 'in.jsonl': rowsText(30), 'p.mjs': DYING, 'begin.mjs': begin });
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(fileURLToPath(new URL('../../', import.meta.url)), join(cwd, 'node_modules/xstate-pipeline'));
  const child = (env: Record<string, string>) =>
    spawnSync(process.execPath, ['begin.mjs'], { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  child({ UNSAVED: '1' });
  expect(parts(cwd)).toEqual(['out.jsonl.part']);
  const ended = child({});
  expect(ended.stderr).toBe('');
  expect(text(cwd, 'out.jsonl')).toBe(rowsText(30));
  expect(parts(cwd)).toEqual([]);
});

test('prune leaves the empty part file of another session alone', async () => {
  const cwd = folder({ 'in.jsonl': rowsText(30), 'p.mjs': DYING, 'late.ts': pipelineFile(LATE) });
  await run(['run', 'late.ts'], { cwd, env: { DIE: '1' } });
  expect(parts(cwd)).toEqual(['out.jsonl.part']);
  await run(['run', 'p.mjs'], { cwd, env: { DIE: '1' } });
  await call(['prune', '--older-than', '1h'], { cwd });
  expect(parts(cwd)).toEqual(['out.jsonl.part']);
  expect((await run(['resume', 'last'], { cwd })).code).toBe(0);
  expect(parts(cwd)).toEqual([]);
});

/** Killed after the first checkpoint, before anything is committed. */
const LATE = `.pipe(map('late', (row: Row) => {
  if (process.env.DIE) process.kill(process.pid, 'SIGKILL');
  return row;
}))`;

test('a hundred part files do not refuse a run', async () => {
  const cwd = folder({ 'in.jsonl': rowsText(3), 'p.ts': pipelineFile('') });
  writeFileSync(join(cwd, 'out.jsonl.part'), '');
  for (let part = 2; part <= 101; part++) writeFileSync(join(cwd, `out.jsonl.${part}.part`), '');
  expect((await call(['run', 'p.ts'], { cwd })).code).toBe(0);
});

test('dead letters of a killed process, whose rows do not fail again, leave no part file', async () => {
  const failing = `.pipe(defineStage({ name: 'check', onError: 'dead-letter', process: async (rows: readonly Row[], { batch }) => {
    if (process.env.DIE) {
      if (batch.index === 0) throw new Error('refused');
      while (!readdirSync('.').some((name) => name.includes('dead-letter'))) await new Promise(setImmediate);
      process.kill(process.pid, 'SIGKILL');
    }
    return [...rows];
  } }))`;
  const file = pipelineFile(failing, ', checkpointInterval: 10000').replace(
    '{ existsSync }',
    '{ existsSync, readdirSync }',
  );
  const cwd = folder({ 'in.jsonl': rowsText(60), 'p.ts': file });
  await run(['run', 'p.ts'], { cwd, env: { DIE: '1' } });
  expect(parts(cwd).some((name) => name.includes('dead-letter'))).toBe(true);
  expect((await run(['resume', 'last'], { cwd })).code).toBe(0);
  expect(text(cwd, 'out.jsonl')).toBe(rowsText(60));
  expect(parts(cwd)).toEqual([]);
});

test('one output under two paths: the second run is refused', async () => {
  const stage = `.pipe(defineStage({ name: 'slow', process: async (rows: readonly Row[]) => {
    for (let left = Number(process.env.BATCH_MS ?? 0); left > 0; left -= 10)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return [...rows];
  } }))`;
  const to = (path: string) => pipelineFile(stage).replace('out.jsonl', path);
  const cwd = folder({
    'in.jsonl': rowsText(400),
    'a.ts': to('real/out.jsonl'),
    'b.ts': to('link/out.jsonl'),
  });
  mkdirSync(join(cwd, 'real'));
  symlinkSync('real', join(cwd, 'link'));
  const running = start(['run', 'a.ts', '--json'], { cwd, env: SLOWLY });
  await running.printed(/pipeline\.started/);
  const refused = await call(['run', 'b.ts'], { cwd });
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('real/out.jsonl');
  running.process.kill('SIGKILL');
  await running.ended;
});
