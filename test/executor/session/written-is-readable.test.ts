/**
 * I27, over the whole checkpoint: whatever the clock, the error, the names and the positions are, a checkpoint that was written can
 * be read, and its session resumed. What cannot be kept is refused.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  collect,
  type Json,
  map,
  memoryStorage,
  PipelineExecutor,
  rows,
  type Source,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { systemClock } from '../../../src/platform/clock.js';
import { numbers, type Row } from '../../support/runs.js';
import { SEED } from '../../support/seed.js';
import { replacing } from '../../testing/replacing.js';

const ROWS = 12;
const BATCH = 4;

/** Rows whose positions carry any JSON. */
function withPositions(extra: Json): Source<Row> {
  const source = rows(numbers(ROWS));
  return {
    ...source,
    async open(at, context) {
      const opened = await source.open(at && { rows: at.rows as number }, context);
      return replacing(opened, 'read', async (count, bytes) => {
        const batch = await opened.read(count, bytes);
        const position = { rows: Number(batch?.position.rows), extra };
        return (
          batch && {
            size: batch.size,
            done: batch.done,
            position,
            decode: (row) => batch.decode(row, () => {}),
          }
        );
      });
    },
  };
}

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 200 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
);
/** Dates, and clocks that are not set. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
  fc.double({ min: 0, max: 8.64e15, noNaN: true }),
  fc.constant(0),
);
const thrown = fc.oneof(
  fc.anything(),
  fc
    .record({ name: fc.anything(), code: fc.anything(), message: fc.anything() })
    .map((fields) => Object.assign(new Error(), fields)),
);
const anyCase = fc.record({
  ...{ pipeline: name, stage: name, times: fc.array(time, { minLength: 1, maxLength: 8 }), thrown },
  position: fc.oneof(fc.jsonValue(), fc.string({ maxLength: 8_000 })),
  onError: fc.constantFrom('fail' as const, 'skip' as const),
});

test(`seed ${SEED}: a failed session of any making is readable and resumed`, {
  timeout: 120_000,
}, async () => {
  const check = async ({
    pipeline,
    stage,
    times,
    thrown,
    position,
    onError,
  }: typeof anyCase extends fc.Arbitrary<infer C> ? C : never) => {
    let isBroken = true;
    let readings = 0;
    const clock = { ...systemClock, now: () => times[readings++ % times.length] as number };
    const stateManager = new StateManager(memoryStorage(), { checkpointInterval: BATCH, clock });
    const work = (row: Row): Row => {
      if (isBroken && row.n === BATCH + 1) throw thrown;
      return row;
    };
    const sink = collect<Row>();
    const definition = {
      name: pipeline,
      source: withPositions(position as Json),
      sink,
      options: { batchSize: BATCH },
    };
    const executor = () => {
      const stages = [map(stage, work, { onError })];
      return new PipelineExecutor(stages, stateManager, [], { logger: silentLogger, clock });
    };
    let first: PipelineExecutor<Row>;
    try {
      first = executor();
      await first.execute(definition).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === 'INVALID_OPTION') throw error;
      });
    } catch (error) {
      // Refused: by the definition, or at the first position.
      expect((error as { code?: unknown }).code).toBe('INVALID_OPTION');
      return;
    }
    const listed = await stateManager.listCheckpoints();
    expect(listed.map(({ state }) => state)).toEqual([first.state]);
    const { checkpoint, warnings } = await stateManager.loadCheckpoint(first.sessionId ?? '');
    expect(warnings).toEqual([]);
    if (checkpoint.state === 'COMPLETED') return;
    isBroken = false;
    await executor().resume(checkpoint.sessionId, definition);
    expect(sink.rows).toEqual(numbers(ROWS));
  };
  await fc.assert(fc.asyncProperty(anyCase, check), {
    seed: SEED,
    numRuns: Number(process.env.XSTATE_PIPELINE_RUNS ?? 60),
  });
});
