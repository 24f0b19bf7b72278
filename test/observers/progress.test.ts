/** Pins: rate, share and time left mean what they say, and a late subscriber gets the latest, also after the end. */
import { type Observable, Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { PipelineEvent, PipelineEventOf } from '../../src/observers/events.js';
import { Reducer, viewOf } from '../../src/observers/latest.js';
import { metricsOf, type RunMetrics } from '../../src/observers/metrics.js';
import { type Progress, progressAt, progressOf } from '../../src/observers/progress/progress.js';
import { reduceProgress } from '../../src/observers/progress/reduce-progress.js';
import { NO_RUN_COUNTERS } from '../../src/observers/progress/run-counters.js';
import { batchDone, committed, completed, event, HandClock, SESSION, started } from './fixtures.js';

const figuresOf = (events: readonly PipelineEvent[]) => events.reduce(reduceProgress, NO_RUN_COUNTERS);
function figuresOf$(events$: Observable<PipelineEvent>) {
  const figures = new Reducer(NO_RUN_COUNTERS, reduceProgress);
  events$.subscribe(figures);
  return figures;
}

describe('rows per second', () => {
  test('follows the last seconds, not the whole run', () => {
    const events = [started(0)];
    // 100 rows/s for a minute, then 1,000 rows/s for ten seconds.
    for (let s = 1; s <= 60; s++) events.push(...batchDone(s * 1_000, 'normalise', s, 100));
    expect(progressAt(figuresOf(events), 60_000).rowsPerSecond).toBeCloseTo(100);
    for (let s = 61; s <= 70; s++) events.push(...batchDone(s * 1_000, 'normalise', s, 1_000));
    expect(progressAt(figuresOf(events), 70_000).rowsPerSecond).toBeCloseTo(1_000);
    expect(progressAt(figuresOf(events), 70_000).stages[0]?.rowsPerSecond).toBeCloseTo(1_000);
  });

  test('of batches that take half a minute is not zero in between', () => {
    const events = [
      started(0),
      ...batchDone(30_000, 'normalise', 0, 300),
      ...batchDone(60_000, 'normalise', 1, 300),
    ];
    const rate = progressAt(figuresOf(events), 85_000).rowsPerSecond;
    expect(rate).toBeGreaterThan(6);
    expect(rate).toBeLessThan(10);
  });

  test('falls while nothing moves, and is the mean of this process after the end', () => {
    const events = [
      started(0, { resumed: true, rowsIn: 500, done: 500 }),
      ...batchDone(1_000, 'normalise', 0, 500),
    ];
    const rates = [1_000, 10_000, 100_000].map((now) => progressAt(figuresOf(events), now).rowsPerSecond);
    expect(rates[0]).toBeGreaterThan(rates[1] ?? 0);
    expect(rates[1]).toBeGreaterThan(rates[2] ?? 0);
    const over = figuresOf([...events, completed(2_000)]);
    expect(progressAt(over, 99_000)).toMatchObject({
      rowsPerSecond: 250,
      elapsedMs: 2_000,
      etaMs: undefined,
    });
  });
});

describe('share and time left', () => {
  test('unknown without a size, and before the first commit', () => {
    const { total: _, ...rest } = started(0) as PipelineEventOf<'pipeline.started'>;
    const sizeless = figuresOf([rest as PipelineEvent, committed(1_000, 0, 100)]);
    expect(progressAt(sizeless, 1_000)).toMatchObject({ fraction: undefined, etaMs: undefined });
    expect(progressAt(figuresOf([started(0)]), 500)).toMatchObject({ fraction: 0, etaMs: undefined });
  });

  test('from the commits: counts down between two, grows when the next is overdue', () => {
    const figures = figuresOf([started(0), committed(1_000, 0, 100), committed(2_000, 1, 200)]);
    expect(progressAt(figures, 2_000)).toMatchObject({ fraction: 0.2, etaMs: 8_000, committedBatches: 2 });
    expect(progressAt(figures, 2_500).etaMs).toBe(7_500);
    expect(progressAt(figures, 6_000).etaMs).toBe(24_000);
  });

  test('counts the rows of this process only', () => {
    const figures = figuresOf([
      started(0, { resumed: true, fromBatch: 5, rowsIn: 500, done: 500 }),
      committed(1_000, 5, 600),
    ]);
    expect(progressAt(figures, 1_000)).toMatchObject({ fraction: 0.6, etaMs: 4_000 });
  });

  test('an empty input, an input that has grown', () => {
    const empty = figuresOf([started(0, { total: { unit: 'bytes', value: 0 } })]);
    expect(progressAt(empty, 1).fraction).toBe(0);
    expect(progressAt(reduceProgress(empty, completed(2)), 2).fraction).toBe(1);
    expect(progressAt(figuresOf([started(0), committed(1, 0, 5_000)]), 1).fraction).toBe(1);
  });

  test('a clock that goes back gives no negative figure', () => {
    const figures = figuresOf([started(5_000), committed(6_000, 0, 100)]);
    const { elapsedMs, rowsPerSecond, etaMs } = progressAt(figures, 1_000);
    expect([elapsedMs, rowsPerSecond]).toEqual([0, 0]);
    expect(etaMs).toBeGreaterThanOrEqual(0);
  });
});

describe('as a stream', () => {
  const follow = () => {
    const events$ = new Subject<PipelineEvent>();
    const clock = new HandClock();
    return { events$, clock, progress$: progressOf(figuresOf$(events$), clock) };
  };

  test('misses nothing before the first subscription, replays the latest, completes', () => {
    const { events$, clock, progress$ } = follow();
    events$.next(started(clock.time));
    for (const each of batchDone(clock.time, 'normalise', 0, 100)) events$.next(each);
    const seen: Progress[] = [];
    const log: string[] = [];
    progress$.subscribe({ next: (each) => seen.push(each), complete: () => log.push('end') });
    expect(seen.map(({ rowsIn }) => rowsIn)).toEqual([100]);
    clock.advance(1_000);
    events$.next(completed(clock.time));
    expect(seen.at(-1)).toMatchObject({
      state: 'COMPLETED',
      pipeline: 'reviews',
      sessionId: SESSION,
      fraction: 1,
    });
    events$.complete();
    const late: Progress[] = [];
    progress$.subscribe({ next: (each) => late.push(each), complete: () => log.push('late end') });
    expect(late).toEqual([seen.at(-1)]);
    expect(log).toEqual(['end', 'late end']);
  });

  test('before a run: IDLE', () => {
    const seen: Progress[] = [];
    follow().progress$.subscribe((each) => seen.push(each));
    expect(seen).toMatchObject([{ state: 'IDLE', pipeline: '', rowsIn: 0, stages: [] }]);
  });

  test('one subscriber going leaves the other', () => {
    const { events$, progress$ } = follow();
    const seen: number[] = [];
    const first = progress$.subscribe();
    progress$.subscribe(({ rowsIn }) => seen.push(rowsIn));
    first.unsubscribe();
    events$.next(started(0, { rowsIn: 7 }));
    expect(seen).toEqual([0, 7]);
  });
});

test('metrics: the latest figures, also for who comes late', () => {
  const events$ = new Subject<PipelineEvent>();
  const metrics$ = viewOf(figuresOf$(events$), metricsOf);
  const error = { name: 'Error', code: 'BOOM', message: 'x' };
  events$.next(started(0));
  for (const each of batchDone(100, 'normalise', 0, 1_000)) events$.next(each);
  events$.next(event('row.failed', 150, { stage: 'classify', batch: 0, row: 1, deadLettered: true, error }));
  events$.next(event('row.failed', 150, { stage: 'classify', batch: 0, row: 2, deadLettered: false, error }));
  for (const each of batchDone(200, 'classify', 0, 1_000, 998)) events$.next(each);
  events$.next(completed(2_000, { batches: 1, rowsOut: 998 }));
  events$.complete();
  const seen: RunMetrics[] = [];
  metrics$.subscribe((each) => seen.push(each));
  expect(seen).toEqual([
    {
      rowsIn: 1_000,
      rowsOut: 998,
      rowsSkipped: 1,
      rowsFailed: 2,
      rowsDeadLettered: 1,
      batches: 1,
      retries: 0,
      durationMs: 2_000,
      rowsPerSecond: 500,
      stages: [
        {
          stage: 'normalise',
          batches: 1,
          rowsIn: 1_000,
          rowsOut: 1_000,
          skipped: 0,
          deadLettered: 0,
          retries: 0,
          busyMs: 4,
        },
        {
          stage: 'classify',
          batches: 1,
          rowsIn: 1_000,
          rowsOut: 998,
          skipped: 1,
          deadLettered: 1,
          retries: 0,
          busyMs: 4,
        },
      ],
    },
  ]);
});
