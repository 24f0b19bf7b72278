/**
 * Pins: a command sent at the moment a run ends is carried out (I2, I10, I12). The caller does not wait for the session's
 * lock, and each run settles its own promise.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createActor, sendTo, setup, waitFor } from 'xstate';
import { map, PipelineExecutor, pipeline, pipelineMachine, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage } from 'xstate-pipeline/node';
import { freshFolder } from '../../support/folders.js';

let folder: string;
let isBroken: boolean;
beforeEach(() => {
  folder = freshFolder();
  isBroken = true;
});

const ids = Array.from({ length: 1_000 }, (_, id) => ({ id }));
const text = ids.map((row) => `${JSON.stringify(row)}\n`).join('');

const fragile = map('fragile', (row: { id: number }) => {
  if (isBroken && row.id === 700) throw new Error('broken');
  return row;
});
const breakable = () =>
  pipeline('breakable', { batchSize: 50 })
    .from(ids)
    .pipe(fragile)
    .to(jsonl(join(folder, 'out.jsonl')));

const executorOf = () =>
  new PipelineExecutor([fragile], new StateManager(lowdbStorage(join(folder, 'state'))));

test('resume at the moment of FAILED continues, and only the promise of the failed run rejects', async () => {
  const executor = executorOf();
  let resumed: Promise<unknown> | undefined;
  executor.state$.subscribe((state) => {
    if (state !== 'FAILED' || resumed) return;
    isBroken = false;
    resumed = executor.resume();
  });
  await expect(executor.execute(breakable())).rejects.toThrow('broken');
  await expect(resumed).resolves.toMatchObject({ success: true, metrics: { rowsOut: 1_000 } });
  expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(text);
});

test('execute at the moment of a cancelled IDLE begins a session of its own', async () => {
  isBroken = false;
  const executor = executorOf();
  const first = executor.execute(breakable());
  const cancelled = executor.cancel();
  const second = executor.execute(breakable());
  await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
  await cancelled;
  await expect(second).resolves.toMatchObject({ success: true });
  expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(text);
});

test('cancel while opening leaves the session free', async () => {
  isBroken = false;
  const executor = executorOf();
  const run = executor.execute(breakable());
  const sessionId = executor.sessionId as string;
  await executor.cancel();
  await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
  const lock = await executor.stateManager.lock(sessionId, {});
  await lock.release();
});

test('a parent machine sends resume the moment it hears of the failure', async () => {
  let concluded = () => {};
  const conclusion = new Promise<void>((resolve) => {
    concluded = resolve;
  });
  const machine = pipelineMachine(breakable(), {
    stateDir: join(folder, 'state'),
    observers: [{ next: ({ type }) => type === 'pipeline.completed' && concluded() }],
  });
  const parent = setup({ actors: { machine } }).createMachine({
    invoke: { id: 'child', src: 'machine', input: {}, onDone: '.done' },
    entry: sendTo('child', { type: 'execute' }),
    initial: 'working',
    states: { working: {}, done: {} },
    on: {
      'pipeline.failed': {
        actions: [
          () => {
            isBroken = false;
          },
          sendTo('child', { type: 'resume' }),
        ],
      },
    },
  });
  const actor = createActor(parent).start();
  await waitFor(actor, (snapshot) => snapshot.matches('done'));
  await conclusion;
  expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe(text);
});
