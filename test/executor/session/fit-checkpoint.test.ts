/**
 * Pins: what the writer stores, the reader accepts (I27), within 64 KB (I3): with many stages, long names, many lost rows, a
 * full window, long positions and fractional progress. Counters are never lost; names of lost rows are, where they do not fit.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { collect, defineStage, InvalidOptionError, map, pipeline, rows } from 'xstate-pipeline';
import {
  type CheckpointMark,
  createExecutorMachine,
  type Json,
  restoreSnapshot,
} from 'xstate-pipeline/machines';
import { createTestExecutor } from 'xstate-pipeline/testing';
import { decodeCheckpoint, encodeCheckpoint } from '../../../src/checkpoint/envelope.js';
import {
  assertCheckpointFits,
  fitCheckpoint,
} from '../../../src/executor/session/checkpoints/fit-checkpoint.js';
import { pipelineFingerprint } from '../../../src/stages/pipeline-fingerprint.js';
import { SESSION } from '../../support/driven-machine.js';

const BIG = Number.MAX_SAFE_INTEGER;

function checkpointOf(
  names: readonly string[],
  losses: number,
  done: number,
  position: number,
  window: number,
) {
  const stages = names.map((name) => map(name, (row: object) => row));
  assertCheckpointFits(stages);
  const inputs = names.map((name) => ({ name, concurrency: 1, attempts: 1 }));
  const settings = { maxInFlight: 512, checkpointInterval: 500, maxCrashes: 3 };
  const input = { sessionId: SESSION, pipeline: 'p', startedAt: 1, settings };
  const actor = createActor(createExecutorMachine(inputs), { input }).start();
  actor.send({ type: 'execute' });
  const snapshot = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()));
  const mark: CheckpointMark = {
    ...{ batches: BIG, rowsIn: BIG, rowsOut: BIG, malformed: 0, done, elapsedMs: 0.5, deadLetter: null },
    ...{ source: { at: 'x'.repeat(position) }, sink: { bytes: BIG } },
    stages: names.map((stage) => ({
      ...{ stage, batches: BIG, rowsIn: BIG, rowsOut: BIG, skipped: BIG, deadLettered: BIG, retries: BIG },
      busyMs: 1234.5678,
    })),
    losses: {
      total: losses,
      named: Array.from({ length: Math.min(1000, losses) }, (_, row) => [123_456, row, 0, row % 20] as const),
      reasons: Array.from({ length: 20 }, (_, n) => `E: ${'why '.repeat(70)}${n}`),
    },
  };
  Object.assign(snapshot.context, { flushed: mark, written: mark, flushing: mark });
  snapshot.context.window = Array.from({ length: window }, (_, batch) => ({ batch, rows: BIG, at: 1 }));
  return {
    inputs,
    mark,
    checkpoint: {
      ...{
        sessionId: SESSION,
        epoch: 1,
        savedAt: 1,
        startedAt: 1,
        pipeline: 'p',
        state: 'EXECUTING' as const,
      },
      fingerprint: pipelineFingerprint(stages),
      settings: { batchSize: 1, maxInFlight: 512, checkpointInterval: 500, checkpointEveryMs: null },
      ...{ source: { kind: 's' }, sink: { kind: 's' }, deadLetter: null, sourceIdentity: null },
      snapshot: snapshot as Json,
    },
  };
}

function storedAndRead(...args: Parameters<typeof checkpointOf>) {
  const { checkpoint, inputs, mark } = checkpointOf(...args);
  const text = encodeCheckpoint(fitCheckpoint(checkpoint));
  const { context, value } = restoreSnapshot(decodeCheckpoint(text, SESSION).snapshot, inputs);
  expect(value).toBe('PAUSED');
  const { losses: read, ...others } = context.flushed;
  const { losses: written, ...expected } = mark;
  expect(others).toEqual(expected);
  expect(read.total).toBe(written.total);
  return read;
}

const named = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => `${n}`.padEnd(length, 'é'));

describe('a checkpoint fits, and is read back', () => {
  test.each([
    ['102 stages', 102, 8, 0, 512],
    ['55 stages and 1,000 lost rows', 55, 8, 1000, 512],
    ['25 stages with long names', 25, 100, 1000, 512],
    ['one stage', 1, 8, 5000, 512],
  ])('%s', (_, count, length, losses, window) => {
    storedAndRead(named(count, length), losses, 0.5, 10, window);
  });

  test('names of lost rows go before anything else does', () => {
    expect(storedAndRead(['a'], 1000, 1, 10, 0).named).toHaveLength(1000);
    expect(storedAndRead(named(60, 60), 1000, 1, 6_000, 512).named.length).toBeLessThan(1000);
  });

  test('with any stages, losses, progress and positions', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 4, max: 60 }),
        fc.integer({ min: 0, max: 3000 }),
        fc.double({ min: 0, max: 1e15, noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 0, max: 9_000 }),
        fc.integer({ min: 0, max: 512 }),
        (count, length, losses, done, position, window) => {
          const names = named(count, length);
          try {
            assertCheckpointFits(names.map((name) => map(name, (row: object) => row)));
          } catch {
            return;
          }
          storedAndRead(names, losses, done === 0 ? 0 : done, position, window);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test('stages that cannot fit are refused where they are defined', () => {
  const many = named(300, 8).map((name) => map(name, (row: { n: number }) => row));
  expect(() => assertCheckpointFits(many)).toThrow(InvalidOptionError);
  expect(() => assertCheckpointFits(many)).toThrow('300 stages');
  const whole = {
    ...pipeline('many')
      .from(rows([{ n: 1 }]))
      .pipe(many[0] as never)
      .to(collect()),
    stages: many,
  };
  expect(() => createTestExecutor(whole as never)).toThrow('does not fit into 64 KB');
});

test('a run of 102 stages completes', async () => {
  const stages = named(102, 8).map((name) =>
    defineStage<{ n: number }, { n: number }>({ name, process: (all) => all }),
  );
  const [first, ...others] = stages;
  const begin = pipeline('wide', { batchSize: 1, checkpointInterval: 1 }).from(rows([{ n: 1 }, { n: 2 }]));
  const whole = others.reduce(
    (built, stage) => built.pipe(stage),
    begin.pipe(first as never) as never as typeof begin,
  );
  const test = createTestExecutor(whole.to(collect()) as never);
  const result = await test.execute();
  expect(result).toMatchObject({ success: true, isComplete: true });
});
