/**
 * `run()` gives a handle at once, and a command given at any moment has an effect.
 *
 * Pinned: an abort in the first milliseconds is not lost, also while a session is resumed; `pause` from anywhere ends the run and
 * frees the session; `resume: 'last-or-new'` resumes or begins.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  defineStage,
  PipelineCancelledError,
  PipelinePausedError,
  pipeline,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';
import { sendControl } from '../../src/checkpoint/lock/control-client.js';
import { freshFolder } from '../support/folders.js';
import type { Row } from '../support/runs.js';

let folder: string;
let calls = 0;
let afterBatch: (index: number) => void = () => {};
beforeEach(() => {
  folder = freshFolder();
  calls = 0;
  afterBatch = () => {};
  const rows = Array.from({ length: 100 }, (_, n) => `${JSON.stringify({ n })}\n`);
  writeFileSync(join(folder, 'in.jsonl'), rows.join(''));
});

const stateDir = () => join(folder, 'state');
const job = () =>
  pipeline('job', { batchSize: 5, checkpointInterval: 5 })
    .from(jsonl<Row>(join(folder, 'in.jsonl')))
    .pipe(
      defineStage({
        name: 's',
        process: async (batch: Row[], { batch: { index } }) => {
          calls++;
          await new Promise((resolve) => setImmediate(resolve));
          afterBatch(index);
          return batch;
        },
      }),
    )
    .to(jsonl<Row>(join(folder, 'out.jsonl')));
const options = () => ({ stateDir: stateDir(), environment: { logger: silentLogger } });

describe('an abort', () => {
  test.each([0, 1, 2, 5, 20, 100])('after %i turns of a new run', async (turns) => {
    const controller = new AbortController();
    const run = job().run({ ...options(), signal: controller.signal });
    run.catch(() => {});
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    controller.abort();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    const before = calls;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(before);
  });

  test.each([0, 5, 20, 100])('after %i turns of a resumed run', async (turns) => {
    const first = job().run(options());
    afterBatch = (index) => index === 5 && void first.cancel();
    await expect(first).rejects.toBeInstanceOf(PipelineCancelledError);
    afterBatch = () => {};
    const controller = new AbortController();
    const run = job().run({ ...options(), resume: 'last', signal: controller.signal });
    run.catch(() => {});
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    controller.abort();
    await expect(run).rejects.toBeInstanceOf(PipelineCancelledError);
    expect((await job().run({ ...options(), resume: 'last' })).metrics.rowsOut).toBe(100);
  });
});

test('the handle knows its session at once, and is a promise of the result', async () => {
  const run = job().run(options());
  const { sessionId } = run;
  expect(sessionId).toMatch(/^[0-9a-f-]{36}$/);
  expect(run.result).toBe(run);
  expect((await run).sessionId).toBe(sessionId);
  await expect(run.pause()).rejects.toMatchObject({ code: 'ILLEGAL_COMMAND' });
});

test('pause at once is kept: the run ends as paused, and the session can be resumed', async () => {
  const run = job().run(options());
  run.catch(() => {});
  const { sessionId } = await run.pause();
  await expect(run).rejects.toBeInstanceOf(PipelinePausedError);
  const { checkpoint } = await new StateManager(lowdbStorage(stateDir())).loadCheckpoint(sessionId);
  expect(checkpoint.state).toBe('PAUSED');
  expect((await job().run({ ...options(), resume: sessionId })).metrics.rowsOut).toBe(100);
});

test('paused from another process, it answers with the receipt, ends, and frees the session', async () => {
  const run = job().run(options());
  const started = new Promise<void>((resolve) => {
    afterBatch = () => resolve();
  });
  await started;
  const sessionId = run.sessionId as string;
  const directory = join(stateDir(), sessionId);
  const paused = expect(run).rejects.toBeInstanceOf(PipelinePausedError);
  const receipt = await sendControl({ directory, sessionId, command: 'pause', timeoutMs: 10_000 });
  expect(receipt).toMatchObject({ sessionId });
  await paused;
  expect((await job().run({ ...options(), resume: sessionId })).metrics.rowsOut).toBe(100);
});

test("resume: 'last-or-new' begins, and then resumes", async () => {
  const first = job().run({ ...options(), resume: 'last-or-new' });
  afterBatch = (index) => index === 5 && void first.cancel();
  const id = await first.catch((error: PipelineCancelledError) => error.sessionId);
  afterBatch = () => {};
  const second = await job().run({ ...options(), resume: 'last-or-new' });
  expect(second).toMatchObject({ sessionId: id, metrics: { rowsOut: 100 } });
  // COMPLETED: by its id it gives its result.
  expect((await job().run({ ...options(), resume: second.sessionId })).metrics.rowsOut).toBe(100);
});
