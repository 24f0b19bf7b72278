/** A sample: some rows for real, a pause with a projection, and a resume that repeats none of them. */
import { expect, test } from 'vitest';
import {
  collect,
  defineStage,
  memoryStorage,
  PipelinePausedError,
  pipeline,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { projectRest } from '../../../../src/observers/projection.js';
import { harness, numbers, type Row } from '../../../support/runs.js';

test.each([50, 10, 7])('a sample of %i rows of 200', async (sample) => {
  const seen: number[] = [];
  const stage = defineStage({
    name: 'ask',
    concurrency: 3,
    process: async (batch: Row[]) => {
      for (const { n } of batch) seen.push(n);
      return batch;
    },
  });
  const h = harness([stage], { count: 200, pipeline: { sample } });
  const paused = h.event('pipeline.paused');
  h.start();
  expect(await paused).toMatchObject({
    rowsIn: sample,
    rowsOut: sample,
    reason: { kind: 'sample', message: `The sample of ${sample} rows is done.` },
  });
  expect(seen).toHaveLength(sample);
  const { metrics, data } = await h.executor.resume();
  expect(metrics.rowsOut).toBe(200);
  expect(seen.sort((a, b) => a - b)).toEqual(numbers(200).map(({ n }) => n));
  expect(await data.toArray()).toEqual(numbers(200));
});

test('run({ sample }) rejects with the reason; run({ resume }) completes', async () => {
  const sink = collect<Row>();
  const stage = defineStage({ name: 'ask', process: async (batch: Row[]) => batch });
  const whole = pipeline('p')
    .from(rows(numbers(120)))
    .pipe(stage)
    .to(sink);
  const options = { stateManager: new StateManager(memoryStorage()), environment: { logger: silentLogger } };
  const error = await whole.run({ ...options, sample: 20 }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PipelinePausedError);
  expect(error).toMatchObject({ reason: { kind: 'sample' } });
  const { sessionId } = error as PipelinePausedError;
  const result = await whole.run({ ...options, resume: sessionId });
  expect(await result.data.toArray()).toEqual(numbers(120));
});

test('the projection has a spread that narrows with the sample', () => {
  expect(projectRest({ rowsIn: 0, lost: 0, elapsedMs: 0, spent: {}, share: 0 })).toBeUndefined();
  const small = projectRest({ rowsIn: 50, lost: 5, elapsedMs: 5_000, spent: { usd: 0.5 }, share: 0.05 });
  const large = projectRest({ rowsIn: 500, lost: 50, elapsedMs: 50_000, spent: { usd: 5 }, share: 0.5 });
  expect(small).toMatchObject({
    rows: 950,
    durationMs: { expected: 95_000 },
    lost: { expected: 95 },
    spending: { usd: { expected: 9.5 } },
  });
  expect(large).toMatchObject({ rows: 500, durationMs: { expected: 50_000 }, lost: { expected: 50 } });
  expect(large?.spending.usd?.high).toBeGreaterThan(5);
  const width = (of: typeof small) => (of ? (of.lost.high - of.lost.low) / of.rows : 0);
  expect(width(large)).toBeLessThan(width(small) / 2);
  expect(
    projectRest({ rowsIn: 50, lost: 0, elapsedMs: 1, spent: {}, share: 0.5 })?.lost.high,
  ).toBeGreaterThan(0);
});
