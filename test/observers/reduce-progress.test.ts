/** Pins: the figures follow from the events alone, step by step, over crashes, pauses, retries and losses (I14). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PipelineEvent, StageCounters } from '../../src/observers/events.js';
import { reduceProgress } from '../../src/observers/progress/reduce-progress.js';
import { NO_RUN_COUNTERS, type RunCounters } from '../../src/observers/progress/run-counters.js';
import { batchDone, committed, completed, event, FAILURE, started } from './fixtures.js';

const reduce = (...events: (PipelineEvent | PipelineEvent[])[]): RunCounters =>
  events.flat().reduce(reduceProgress, NO_RUN_COUNTERS);
const start = (stage: string, batch: number, attempt = 1) =>
  event('batch.started', 1, { stage, batch, attempt });

test('a start says what is known, and what was done before', () => {
  const counters: StageCounters = {
    stage: 'classify',
    batches: 4,
    rowsIn: 400,
    rowsOut: 380,
    skipped: 12,
    deadLettered: 8,
    retries: 3,
    busyMs: 50,
  };
  const figures = reduce(
    started(5, { resumed: true, fromBatch: 4, rowsIn: 400, rowsOut: 380, done: 400, counters: [counters] }),
  );
  expect(figures).toMatchObject({
    state: 'EXECUTING',
    pipeline: 'reviews',
    rowsIn: 400,
    rowsOut: 380,
    rowsSkipped: 12,
    rowsDeadLettered: 8,
    retries: 3,
    committed: { batches: 4, done: 400 },
  });
  expect(figures.stages).toEqual([
    {
      stage: 'normalise',
      batches: 0,
      rowsIn: 0,
      rowsOut: 0,
      skipped: 0,
      deadLettered: 0,
      retries: 0,
      busyMs: 0,
      inFlight: 0,
      deferred: [],
      failed: 0,
    },
    { ...counters, inFlight: 0, deferred: [], failed: 20 },
  ]);
});

test('rows enter with the first stage and leave with the last', () => {
  const figures = reduce(started(0), batchDone(1, 'normalise', 0, 100), batchDone(2, 'classify', 0, 100, 90));
  expect([figures.rowsIn, figures.rowsOut]).toEqual([100, 90]);
  expect(figures.stages[1]).toMatchObject({ rowsIn: 100, rowsOut: 90, batches: 1, busyMs: 4, inFlight: 0 });
});

test('attempts in flight: started, backing off, again, done', () => {
  const retried = event('batch.retried', 2, {
    stage: 'classify',
    batch: 0,
    attempt: 1,
    delayMs: 5,
    error: FAILURE,
  });
  const inFlight = (figures: RunCounters) => figures.stages[1]?.inFlight;
  const begun = [started(0), start('classify', 0), start('classify', 1)];
  expect(inFlight(reduce(begun))).toBe(2);
  expect(inFlight(reduce(begun, retried))).toBe(1);
  expect(inFlight(reduce(begun, retried, start('classify', 0, 2)))).toBe(2);
  const stopped = reduce(begun, retried, event('pipeline.failed', 9, { error: FAILURE, batches: 0 }));
  expect(inFlight(stopped)).toBe(0);
  expect(stopped).toMatchObject({ state: 'FAILED', retries: 1 });
});

test('a batch that waits for a permit is not in flight, and waits once however often it is deferred', () => {
  const deferred = event('batch.deferred', 2, {
    ...{ stage: 'classify', batch: 0, attempt: 1, delayMs: 5, waitingFor: 'service' },
  });
  const stage = (...events: PipelineEvent[]) => reduce([started(0)], ...events).stages[1];
  expect(stage(deferred, deferred)).toMatchObject({ inFlight: 0, deferred: [0], retries: 0 });
  expect(stage(deferred, start('classify', 1))).toMatchObject({ inFlight: 1, deferred: [0] });
  expect(stage(deferred, start('classify', 0))).toMatchObject({ inFlight: 1, deferred: [] });
  expect(stage(deferred, event('pipeline.cancelled', 9, { batches: 0 }))).toMatchObject({ deferred: [] });
});

test('an output taken from the journal was not in flight and took no time', () => {
  const replayed = event('batch.completed', 2, {
    stage: 'classify',
    batch: 1,
    rowsIn: 10,
    rowsOut: 10,
    attempt: 1,
    durationMs: 9,
    durable: true,
    fromJournal: true,
  });
  expect(reduce(started(0), start('classify', 0), replayed).stages[1]).toMatchObject({
    inFlight: 1,
    rowsIn: 10,
    busyMs: 0,
  });
});

test('lost rows: of a stage, of a whole batch, of the source', () => {
  const row = (stage: string, deadLettered: boolean) =>
    event('row.failed', 1, { stage, batch: 0, row: 0, deadLettered, error: FAILURE });
  const figures = reduce(
    started(0),
    row('classify', true),
    row('source', false),
    start('normalise', 0),
    event('batch.skipped', 2, {
      stage: 'normalise',
      batch: 0,
      rows: 50,
      deadLettered: false,
      error: FAILURE,
    }),
    // What the executor says next: the batch is through, without its rows.
    batchDone(3, 'normalise', 0, 50, 0)[1] as PipelineEvent,
  );
  expect(figures).toMatchObject({ rowsSkipped: 51, rowsDeadLettered: 1, rowsIn: 50, rowsOut: 0 });
  expect(figures.stages).toMatchObject([
    { skipped: 50, deadLettered: 0, failed: 50, inFlight: 0, rowsIn: 50, batches: 1 },
    { skipped: 0, deadLettered: 1, failed: 1 },
  ]);
});

test('commits move the watermark; figures of the executor count', () => {
  const figures = reduce(started(0), committed(10, 3, 400, 390));
  expect(figures).toMatchObject({ rowsIn: 400, rowsOut: 390, committed: { batches: 4, done: 400, at: 10 } });
  const counters = { ...(figures.stages[0] as StageCounters), rowsIn: 7, rowsOut: 6 };
  expect(
    reduceProgress(figures, event('stage.completed', 11, { stage: 'normalise', counters })).stages[0],
  ).toMatchObject({ rowsIn: 7, rowsOut: 6 });
});

test('a pause does not count as time; a resume rewinds to what is committed', () => {
  const paused = reduce(
    started(1_000),
    batchDone(1_500, 'normalise', 0, 100),
    event('pipeline.paused', 3_000, { batches: 1, rowsIn: 100, rowsOut: 95 }),
  );
  expect(paused).toMatchObject({ state: 'PAUSED', ranMs: 2_000, runningSince: undefined, rowsOut: 95 });
  const gone = reduceProgress(paused, event('pipeline.resumed', 9_000, { fromBatch: 1 }));
  expect(gone).toMatchObject({ state: 'EXECUTING', ranMs: 2_000, runningSince: 9_000 });
  const over = reduceProgress(gone, completed(10_000));
  expect(over).toMatchObject({ state: 'COMPLETED', ranMs: 3_000, rowsIn: 1_000, rowsOut: 990 });

  const failed = reduce(
    started(0),
    committed(1, 0, 100, 90),
    batchDone(2, 'normalise', 1, 300),
    event('pipeline.failed', 3, { error: FAILURE, batches: 1 }),
    event('pipeline.resumed', 4, { fromBatch: 1 }),
  );
  expect(failed).toMatchObject({ rowsIn: 100, rowsOut: 90 });
});

test('cancelling ends in IDLE, a checkpoint is remembered', () => {
  const figures = reduce(
    started(0),
    event('checkpoint.saved', 7, { state: 'EXECUTING', batches: 1, bytes: 900, durationMs: 3 }),
    event('pipeline.cancelled', 8, { batches: 1 }),
  );
  expect(figures).toMatchObject({ state: 'IDLE', lastCheckpoint: { at: 7, bytes: 900, durationMs: 3 } });
});

describe('any events, in any order', () => {
  const stage = fc.constantFrom('normalise', 'classify', 'source', 'unknown');
  const count = fc.nat(1_000);
  const at = fc.nat(100_000);
  const any = fc.oneof(
    at.map((time) => started(time)),
    fc
      .tuple(at, stage, count)
      .map(([time, name, batch]) => event('batch.started', time, { stage: name, batch, attempt: 1 })),
    fc
      .tuple(at, stage, count)
      .map(([time, name, rows]) => batchDone(time, name, 0, rows)[1] as PipelineEvent),
    fc
      .tuple(at, stage, count, fc.boolean())
      .map(([time, name, rows, deadLettered]) =>
        event('batch.skipped', time, { stage: name, batch: 0, rows, deadLettered, error: FAILURE }),
      ),
    fc.tuple(at, count).map(([time, rows]) => committed(time, rows, rows)),
    at.map((time) => event('pipeline.paused', time, { batches: 1, rowsIn: 1, rowsOut: 1 })),
    at.map((time) => event('pipeline.resumed', time, { fromBatch: 1 })),
    at.map((time) => completed(time)),
  );
  test('no figure is negative or not a number; the argument is never changed; memory is bounded', () => {
    // fast-check prints the seed of a failure.
    fc.assert(
      fc.property(fc.array(any, { maxLength: 200 }), (events) => {
        let figures = NO_RUN_COUNTERS;
        for (const each of events) {
          const before = JSON.stringify(figures);
          const next = reduceProgress(figures, each);
          expect(JSON.stringify(figures)).toBe(before);
          figures = next;
        }
        const numbers = figures.stages.flatMap((each) =>
          Object.values(each).filter((value) => typeof value === 'number'),
        );
        for (const value of [...numbers, figures.rowsIn, figures.rowsOut, figures.rowsSkipped]) {
          expect(value).toBeGreaterThanOrEqual(0);
        }
        expect(figures.stages.length).toBeLessThanOrEqual(2);
      }),
    );
  });

  test('a long run keeps as many samples as a short one', () => {
    let figures = reduce(started(0));
    for (let batch = 0; batch < 20_000; batch++) {
      for (const each of batchDone(batch * 7, 'normalise', batch, 10))
        figures = reduceProgress(figures, each);
      if (batch % 10 === 0) figures = reduceProgress(figures, committed(batch * 7, batch, batch * 10));
    }
    expect(figures.samples.length).toBeLessThanOrEqual(12);
    expect(figures.commits.length).toBeLessThanOrEqual(12);
  });
});
