/**
 * Sessions from code, with the functions of `xstate-pipeline/node`.
 *
 * 1. A list, and a status, say in what state a session is, whether a process runs it, and whether it can be resumed.
 * 2. A pause and a cancel reach the run of any process, and resolve with what is stored.
 * 3. What cannot be done rejects with an error of the product, with its code.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  CheckpointNotFoundError,
  ControlError,
  collect,
  defineStage,
  InvalidOptionError,
  NoOwnerError,
  PipelinePausedError,
  type PipelineRun,
  pipeline,
  rows,
} from '../../src/index.js';
import { cancelSession, jsonl, listSessions, pauseSession, sessionStatus } from '../../src/node.js';
import { freshFolder } from '../support/folders.js';
import { gate, numbers, type Row } from '../support/runs.js';

const UNKNOWN = '01890a5d-ac96-774b-bcce-b302099a8057';
let stateDir: string;
beforeEach(() => {
  stateDir = join(freshFolder(), 'state');
});

/** A run of 30 rows whose batch 2 waits for `release`. */
function waiting(options: { readonly resume?: string } = {}) {
  const [begun, released] = [gate(), gate()];
  const wait = defineStage({
    name: 'wait',
    process: async (batch: Row[], { batch: { index } }) => {
      if (index === 2) begun.open();
      if (index === 2) await released.opened;
      return batch;
    },
  });
  const job = pipeline('waiting', { batchSize: 10, maxInFlight: 1, checkpointInterval: 10 })
    .from(rows(numbers(30)))
    .pipe(wait)
    .to(jsonl(join(stateDir, '../out.jsonl')));
  const run: PipelineRun = job.run({ stateDir, keep: 1_000, ...options });
  run.catch(() => {});
  return { run, begun: begun.opened, release: released.open };
}

describe('listSessions and sessionStatus', () => {
  test('no session, and no state directory', async () => {
    expect(await listSessions({ stateDir })).toEqual([]);
  });

  test('running, pausing, paused, completed', async () => {
    const { run, begun, release } = waiting();
    await begun;
    const sessionId = run.sessionId as string;
    expect(await listSessions({ stateDir })).toEqual([
      expect.objectContaining({
        ...{ sessionId, pipeline: 'waiting', state: 'running', pid: process.pid, canResume: false },
        savedAt: expect.any(Number),
      }),
    ]);
    expect(await sessionStatus('last', { stateDir })).toMatchObject({
      ...{ sessionId, pipeline: 'waiting', state: 'running', canResume: false },
      ...{ batchesInFlight: 1, rowsIn: 20 },
    });
    const pausing = pauseSession(sessionId, { stateDir });
    await expect
      .poll(async () => (await sessionStatus(sessionId, { stateDir })).state, { timeout: 10_000 })
      .toBe('pausing');
    release();
    expect(await pausing).toMatchObject({ sessionId, batches: 3, rowsIn: 30, rowsOut: 30 });
    await expect(run).rejects.toThrow(PipelinePausedError);
    const paused = { sessionId, state: 'paused', canResume: true, rowsIn: 30, rowsOut: 30 };
    expect(await sessionStatus(sessionId.slice(0, 20), { stateDir })).toMatchObject(paused);
    expect(await listSessions({ stateDir })).toMatchObject([paused]);

    const resumed = waiting({ resume: sessionId });
    await resumed.run;
    const completed = { sessionId, state: 'completed', canResume: false };
    expect(await sessionStatus('last', { stateDir })).toMatchObject(completed);
    expect(await listSessions({ stateDir })).toMatchObject([completed]);
  });

  test('a failed session has its error, a corrupt one its reasons; limit reads the newest', async () => {
    const job = pipeline('broken')
      .from(rows(numbers(5)))
      .pipe(
        defineStage({
          name: 'break',
          process: (): Row[] => {
            throw new TypeError('no such field');
          },
        }),
      )
      .to(collect<Row>());
    const run = job.run({ stateDir, keep: 1_000 });
    await expect(run).rejects.toThrow('no such field');
    mkdirSync(join(stateDir, UNKNOWN));
    writeFileSync(join(stateDir, UNKNOWN, 'checkpoint.json'), '{}');
    const failed = { sessionId: run.sessionId, state: 'failed', canResume: true, pipeline: 'broken' };
    expect(await listSessions({ stateDir })).toMatchObject([
      { ...failed, error: { message: 'no such field' } },
      { sessionId: UNKNOWN, state: 'corrupt', canResume: false, reasons: [expect.any(String)] },
    ]);
    expect(await listSessions({ stateDir, limit: 1 })).toMatchObject([failed]);
    expect(await sessionStatus('last', { stateDir })).toMatchObject(failed);
    await expect(sessionStatus(UNKNOWN, { stateDir })).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
  });
});

describe('cancelSession and pauseSession', () => {
  test('a cancel keeps the last checkpoint', async () => {
    const { run, begun } = waiting();
    await begun;
    const receipt = await cancelSession('last', { stateDir });
    expect(receipt).toMatchObject({ sessionId: run.sessionId, sinkPosition: expect.anything() });
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await sessionStatus('last', { stateDir })).toMatchObject({
      ...{ sessionId: run.sessionId, state: 'cancelled', canResume: true, rowsIn: receipt.rowsIn },
    });
  });

  test('errors have a class and a code', async () => {
    const { run, begun, release } = waiting();
    await begun;
    const late = pauseSession('last', { stateDir, timeoutMs: 1 });
    await expect(late).rejects.toThrow(ControlError);
    await expect(late).rejects.toMatchObject({ code: 'CONTROL' });
    release();
    await run.catch(() => {});
    const unowned = pauseSession(run.sessionId as string, { stateDir });
    await expect(unowned).rejects.toThrow(NoOwnerError);
    await expect(cancelSession('last', { stateDir })).rejects.toMatchObject({ code: 'NO_OWNER' });
    for (const of of [sessionStatus, pauseSession, cancelSession]) {
      const unknown = of(UNKNOWN, { stateDir });
      await expect(unknown).rejects.toThrow(CheckpointNotFoundError);
      await expect(unknown).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
      await expect(of('last', { statedir: stateDir } as object)).rejects.toThrow(InvalidOptionError);
    }
    await expect(listSessions({ limit: -1 })).rejects.toThrow(InvalidOptionError);
  });
});
