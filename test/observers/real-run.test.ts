/** Pins: the events of a real run agree with its result, through retries, skipped batches and lost rows. */
import { expect, test } from 'vitest';
import {
  collect,
  defineStage,
  map,
  memoryStorage,
  type PipelineEvent,
  PipelineExecutor,
  type Progress,
  pipeline,
  type RunMetrics,
  rows,
  StateManager,
} from 'xstate-pipeline';
import { metricsOf } from '../../src/observers/metrics.js';
import { reduceProgress } from '../../src/observers/progress/reduce-progress.js';
import { NO_RUN_COUNTERS } from '../../src/observers/progress/run-counters.js';

test('progress and metrics end where the result is', async () => {
  const flaky = defineStage<number, number>({
    name: 'flaky',
    retry: { attempts: 2, initialDelayMs: 1 },
    onError: 'skip',
    process: (batch, { attempt }) => {
      if (batch.includes(25) || (batch.includes(55) && attempt === 1)) throw new Error('away');
      return batch;
    },
  });
  const picky = map(
    'picky',
    (row: number) => {
      if (row % 10 === 3) throw new Error('no threes');
      return row;
    },
    { onError: 'dead-letter' },
  );
  const executor = new PipelineExecutor([picky, flaky], new StateManager(memoryStorage()));
  const events: PipelineEvent[] = [];
  executor.addObserver({ next: (event) => events.push(event) });
  const result = await executor.execute(
    pipeline('numbers', { batchSize: 10 })
      .from(rows(Array.from({ length: 100 }, (_, i) => i)))
      .pipe(picky)
      .pipe(flaky)
      .to(collect()),
  );
  let metrics: RunMetrics | undefined;
  let progress: Progress | undefined;
  executor.metrics$.subscribe((each) => {
    metrics = each;
  });
  executor.progress$.subscribe((each) => {
    progress = each;
  });
  const figures = ({ durationMs: _, rowsPerSecond: __, stages, ...rest }: RunMetrics) => ({
    ...rest,
    stages: stages.map(({ busyMs: ___, ...counters }) => counters),
  });
  expect(figures(metrics as RunMetrics)).toEqual(figures(result.metrics));
  expect(metrics).toMatchObject({
    rowsIn: 100,
    rowsOut: 81,
    rowsSkipped: 9,
    rowsDeadLettered: 10,
    retries: 2,
    batches: 10,
  });
  expect(progress).toMatchObject({
    state: 'COMPLETED',
    rowsIn: 100,
    rowsOut: 81,
    fraction: 1,
    committedBatches: 10,
  });
  // The events alone lead there, without the counters that the executor states at the end.
  const alone = events
    .filter(({ type }) => type !== 'stage.completed')
    .reduce(reduceProgress, NO_RUN_COUNTERS);
  expect(figures(metricsOf(alone))).toEqual(figures(result.metrics));
});
