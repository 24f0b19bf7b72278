/**
 * Commands from another terminal, with real processes: I10, I16, I17. `pause`, `cancel` and `status` reach the process that runs
 * the session. A second process is refused with code 5.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  copied,
  DOUBLING,
  events,
  expectOneLine,
  pipelineFile,
  project,
  run,
  SLOWLY,
  STUCK,
  sessionOf,
  start,
  text,
} from '../command.js';
import { GOLDEN, RESUME, ROWS } from './long-run.js';

let cwd: string;
beforeEach(() => {
  cwd = project(ROWS, { 'stuck.ts': pipelineFile(STUCK) });
});

describe('from another terminal', () => {
  test('status and pause: the owner saves and ends; the session resumes', async () => {
    const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
    await child.printed(/batches\.committed/);
    const { pid } = child.process;
    expect((await run(['sessions'], { cwd })).stdout).toContain(`running (${pid})`);
    const status = JSON.parse((await run(['status', 'last', '--json'], { cwd })).stdout);
    expect(status).toMatchObject({ pipeline: 'words', state: 'EXECUTING' });
    const paused = await run(['pause', 'last'], { cwd });
    expect(paused).toMatchObject({ code: 0, stderr: '' });
    expect(paused.stdout).toMatch(/^Paused: [\d,]+ rows in/);
    expect((await child.ended).code).toBe(130);
    expect((await run(['status', 'last'], { cwd })).stdout).toMatch(/: paused, /);
    expect(await copied(RESUME.exec(paused.stdout)?.[1] ?? '', cwd)).toContain('completed: 4,000 rows in');
    expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
  });

  test('pause prints what it waits for', async () => {
    const child = start(['run', 'stuck.ts', '--json', '--checkpoint-interval', '20'], { cwd });
    await child.printed(/"batches\.committed","upTo":2/);
    const pausing = start(['pause', 'last'], { cwd });
    await pausing.printed(/^Waiting for the process that runs the session/m, 'stderr');
    expect((await run(['cancel', 'last'], { cwd })).code).toBe(0);
    expect((await child.ended).code).toBe(130);
    await pausing.ended;
  });

  test('a second owner is refused with 5 and the first one’s pid; cancel ends the first', async () => {
    const child = start(['run', 'stuck.ts', '--json', '--checkpoint-interval', '20'], { cwd });
    await child.printed(/"batches\.committed","upTo":2/);
    for (const more of [[], ['--explain']]) {
      const second = await run(['resume', 'last', ...more], { cwd });
      expect(second.code).toBe(5);
      expectOneLine(second, `process ${child.process.pid}`);
    }
    const cancelled = await run(['cancel', 'last'], { cwd });
    expect(cancelled).toMatchObject({ code: 0, stderr: '' });
    expect(cancelled.stdout).toMatch(/^Cancelled: 60 rows in, 60 out/);
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(events(ended.stdout).at(-1)?.type).toBe('pipeline.cancelled');
  });

  test('a run to an output in use is refused with 5; a run to its own file gets a message', async () => {
    writeFileSync(join(cwd, 'other.ts'), DOUBLING.replace('out.jsonl', 'other.jsonl'));
    const paused = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
    await paused.printed(/batches\.committed/);
    paused.process.kill('SIGINT');
    const id = sessionOf((await paused.ended).stdout);

    const child = start(['run', 'stuck.ts', '--json', '--checkpoint-interval', '20'], { cwd });
    await child.printed(/"batches\.committed","upTo":2/);
    const { pid } = child.process;
    for (const args of [
      ['run', 'p.ts'],
      ['resume', id],
      ['resume', id, '--explain'],
    ]) {
      const refused = await run(args, { cwd });
      expect(refused).toMatchObject({ code: 5, stdout: '' });
      expectOneLine(
        refused,
        `process ${pid}, and writes to ${join(cwd, 'out.jsonl')}`,
        /or write to another/,
      );
    }
    const beside = start(['run', 'other.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
    await beside.printed(/batches\.committed/);
    beside.process.kill('SIGINT');
    const { stdout } = await beside.ended;
    expect(events(stdout)[1]?.message).toContain(`is running in process ${pid}`);

    // It is the second oldest unfinished session, and the only running one.
    expect((await run(['cancel', 'last'], { cwd })).stdout).toMatch(/^Cancelled: 60 rows in, 60 out/);
    expect((await child.ended).code).toBe(130);
    expect((await run(['resume', id], { cwd })).code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(GOLDEN);
  });

  test('a session that no process runs: 1', async () => {
    await run(['run', 'p.ts'], { cwd });
    const id = (await run(['sessions', '--json'], { cwd })).stdout;
    const ended = await run(['pause', JSON.parse(id).sessionId], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /No process runs session/);
  });
});
