/** `sessions`, `status`, `show` and `prune`. `prune` keeps running sessions (I10), and unfinished ones without `--all`. */
import { mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import { sessionLines } from '../../src/cli/commands/sessions.js';
import {
  call,
  copied,
  events,
  expectOneLine,
  folder,
  pipelineFile,
  project,
  STUCK,
  sessionOf,
  start,
} from './command.js';

/** A folder with one completed and one interrupted session. */
async function used(): Promise<{ cwd: string; completed: string; interrupted: string }> {
  const cwd = project(100, { 'stuck.ts': pipelineFile(STUCK) });
  const done = await call(['run', 'p.ts', '--json'], { cwd });
  const child = start(['run', 'stuck.ts', '--json', '--checkpoint-interval', '20'], { cwd });
  await child.printed(/"batches\.committed","upTo":2/);
  child.process.kill('SIGKILL');
  const { stdout } = await child.ended;
  const interrupted = /"sessionId":"([^"]+)"/.exec(stdout)?.[1] ?? '';
  return { cwd, completed: sessionOf(done.stdout), interrupted };
}

describe('sessions', () => {
  test('none', async () => {
    const ended = await call(['sessions'], { cwd: folder() });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^No sessions in \.xstate-pipeline\. Start one: .* run pipeline\.ts/);
  });

  test('status last: the newest session, if none is running or unfinished', async () => {
    const cwd = project(5);
    const { stdout } = await call(['run', 'p.ts', '--json'], { cwd });
    const ended = await call(['status', 'last'], { cwd });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain(`session ${sessionOf(stdout)}: completed, 5 rows in`);
  });

  test('newest first, with states, rows and the command to resume', async () => {
    const { cwd, completed, interrupted } = await used();
    const { stdout } = await call(['sessions'], { cwd });
    const [header, newest, oldest, , hint] = stdout.split('\n');
    expect(header).toMatch(/^SESSION +PIPELINE +STATE +ROWS IN +ROWS OUT +SAVED$/);
    expect(newest).toMatch(new RegExp(`^${interrupted}  words +interrupted +60 +60 +\\S`));
    expect(oldest).toMatch(new RegExp(`^${completed}  words +completed +100 +100 +\\S`));
    expect(hint).toMatch(/^To resume one: .* resume <session>/);
    const json = (await call(['sessions', '--json'], { cwd })).stdout;
    expect(events(json)).toMatchObject([
      { sessionId: interrupted, state: 'interrupted', rowsIn: 60 },
      {
        sessionId: completed,
        state: 'completed',
        rowsIn: 100,
        pipelineFile: expect.stringMatching(/p\.ts$/),
      },
    ]);
  });

  test('show: all fields, and the resume command', async () => {
    const { cwd, completed, interrupted } = await used();
    const { code, stdout } = await call(['show', interrupted.slice(0, 18)], { cwd });
    expect(code).toBe(0);
    for (const field of [
      /^session +[0-9a-f-]{36}$/m,
      /^pipeline +words$/m,
      /^file +\/.*stuck\.ts$/m,
      /^state +interrupted$/m,
      /^saved +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, /m,
      /^committed +3 batches$/m,
      /^rows +60 in, 60 out, 0 lost$/m,
      /^input +\/.*in\.jsonl, byte [\d,]+$/m,
      /^output +\/.*out\.jsonl, byte [\d,]+$/m,
      /^settings +batches of 20 rows, \d+ in flight, a checkpoint every 20 rows( or \S+)?$/m,
      /^STAGE +BATCHES +ROWS IN/m,
      /^stuck +3 +60 +60 +0/m,
    ])
      expect(stdout).toMatch(field);
    const command = /^To resume it: (.+)$/m.exec(stdout)?.[1] ?? '';
    expect(await copied(`STUCK=no ${command}`, cwd)).toContain('100 rows in, 100 out');
    expect((await call(['show', completed], { cwd })).stdout).not.toContain('To resume');
    const json = JSON.parse((await call(['show', completed, '--json'], { cwd })).stdout);
    expect(json).toMatchObject({ sessionId: completed, state: 'COMPLETED', pipeline: 'words' });
  });
});

test('a narrow terminal shows ids shortened as far as they stay distinct', () => {
  const ids = ['0f8fad5b-d9cb-469f-a165-70867728950e', '0f8fad5b-d0cb-469f-a165-70867728950e'];
  const counts = { batches: 1, rowsIn: 1_000, rowsOut: 1_000, startedAt: 0, savedAt: 1_700_000_000_000 };
  const listed = ids.map(
    (sessionId) => ({ sessionId, pipeline: 'reviews', state: 'paused', canResume: true, ...counts }) as const,
  );
  const shown = (columns?: number) =>
    sessionLines(listed, '.xstate-pipeline', 1_700_000_100_000, { colors: pc.createColors(false), columns });
  expect(shown()[1]).toMatch(`${ids[0]}  reviews   paused`);
  expect(shown(90)).toEqual(shown());
  for (const [i, line] of shown(80).slice(1, 3).entries()) {
    expect(line).toMatch(new RegExp(`^${ids[i]?.slice(0, 11)}  reviews   paused`));
    expect(line.length).toBeLessThanOrEqual(80);
  }
});

test('a session that may not be read is unreadable, not corrupt', () => {
  const sessionId = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const session = { sessionId, state: 'corrupt', canResume: false, reasons: [], isUnreadable: true } as const;
  const lines = sessionLines([session], 'state', 0, { colors: pc.createColors(false), columns: undefined });
  expect(lines[1]).toMatch(/ unreadable /);
});

describe('prune', () => {
  test('removes old completed sessions, unfinished ones with --all, never a running one', async () => {
    const { cwd, completed, interrupted } = await used();
    expect((await call(['prune', '--older-than', '1h'], { cwd })).stdout).toBe('Removed 0 sessions.\n');
    const dry = await call(['prune', '--older-than', '0d', '--dry-run'], { cwd });
    expect(dry.stdout).toMatch(new RegExp(`^would remove ${completed} .*\nWould remove 1 session\\.`));
    const first = await call(['prune', '--older-than', '0d'], { cwd });
    expect(first.stdout).toMatch(
      new RegExp(`^removed ${completed}  words, completed, saved .*\nRemoved 1 session\\.\n$`),
    );
    expect(first.stderr).toContain('Kept 1 older session that did not complete. --all removes them.');
    expect((await call(['show', completed], { cwd })).code).toBe(4);

    const child = start(['resume', interrupted, '--json'], { cwd });
    await child.printed(/pipeline\.started/);
    expect((await call(['prune', '--older-than', '0d', '--all'], { cwd })).stdout).toBe(
      'Removed 0 sessions.\n',
    );
    child.process.kill('SIGKILL');
    await child.ended;
    expect((await call(['prune', '--older-than', '0d', '--all'], { cwd })).stdout).toContain(
      `removed ${interrupted}`,
    );
    expectOneLine(await call(['resume', interrupted], { cwd }), /No session/);
    expect(readdirSync(cwd).filter((name) => name.includes('.part'))).toEqual([]);
  });

  test('removes the remains of a process that was killed before its first checkpoint', async () => {
    const cwd = folder();
    const id = '00000000-0000-4000-8000-000000000001';
    mkdirSync(join(cwd, '.xstate-pipeline', id), { recursive: true });
    utimesSync(join(cwd, '.xstate-pipeline', id), 0, 0);
    const { stdout } = await call(['prune', '--older-than', '7d'], { cwd });
    expect(stdout).toBe(`removed ${id}  never saved\nRemoved 1 session.\n`);
  });
});
