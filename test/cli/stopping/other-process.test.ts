/**
 * Several processes and one session.
 *
 * 1. `pause last` ends a `run()` in a server: it rejects, its session is free, and the printed command resumes it.
 * 2. The later of two resumes reports a session that the other has completed as completed, with exit code 0.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineStage, pipeline } from '../../../src/index.js';
import { jsonl } from '../../../src/node.js';
import { call, DOUBLING, events, paused, project, rowsText, text } from '../command.js';

test('pause last of a run() in another process: run() rejects, the session can be resumed', async () => {
  const cwd = project(200);
  const stateDir = join(cwd, 'state');
  let isSlow = true;
  let isStarted = () => {};
  const started = new Promise<void>((resolve) => {
    isStarted = resolve;
  });
  const slow = defineStage({
    name: 'slow',
    process: async (rows: { n: number }[], { batch }) => {
      if (batch.index === 1) isStarted();
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, 50));
      return rows;
    },
  });
  const job = pipeline('served', { batchSize: 2, maxInFlight: 2 })
    .from(jsonl<{ n: number }>(join(cwd, 'in.jsonl')))
    .pipe(slow)
    .to(jsonl(join(cwd, 'out.jsonl')));
  const outcome = job.run({ stateDir }).catch((error: unknown) => error);
  await started;
  const pausing = await call(['pause', 'last', '--state-dir', stateDir], { cwd });
  expect(pausing, pausing.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(await outcome).toMatchObject({ code: 'PAUSED' });
  const status = await call(['status', 'last', '--state-dir', stateDir], { cwd });
  expect(status.stdout, status.stderr).toContain(': paused, ');
  isSlow = false;
  const result = await job.run({ stateDir, resume: 'last' });
  expect(result.isComplete).toBe(true);
  expect(text(cwd, 'out.jsonl')).toBe(rowsText(200));
});

test('a session that another process completes during the resume: 0', async () => {
  const cwd = project(400);
  const id = await paused(cwd);
  // The pipeline file is loaded between the reading of the checkpoint and the lock.
  const file = `await (globalThis as { completeSession?: () => Promise<void> }).completeSession?.();\n${DOUBLING}`;
  const late = project(0, { 'late.ts': file });
  Object.assign(globalThis, {
    completeSession: async () => {
      expect((await call(['resume', id], { cwd })).code).toBe(0);
      process.chdir(cwd);
    },
  });
  const second = await call(['resume', id, join(late, 'late.ts'), '--json'], { cwd });
  expect(second, second.stderr).toMatchObject({ code: 0 });
  expect(events(second.stdout).at(-1)?.type).not.toBe('pipeline.failed');
  expect(text(cwd, 'out.jsonl').trimEnd().split('\n')).toHaveLength(400);
});
