/**
 * Pins what the page tells of the job: figures at any moment, and the lives of batches, against the events and contexts of a real
 * recording.
 */
import { beforeAll, expect, test } from 'vitest';
import { Histogram } from '../../../src/inspector/job/histogram.js';
import { JobLedger } from '../../../src/inspector/job/ledger.js';
import { livesOf } from '../../../src/inspector/job/lives.js';
import { type Recorded, recorded } from '../page/recording.js';

let run: Recorded;
beforeAll(async () => {
  run = await recorded();
});
const noTurn = async () => {};
const events = (type: string, to = run.reader.length) =>
  run.reader
    .find({ types: ['event'], to }, 0, run.reader.length)
    .flatMap(({ index, record }) =>
      record.type === 'event' && record.event.type === type ? [{ index, ...record }] : [],
    );

test('figures are those of the events up to the moment, in whatever order moments are asked', async () => {
  const ledger = new JobLedger(run.reader, noTurn);
  const { length } = run.reader;
  for (const index of [length - 1, 10, Math.floor(length / 2), length - 1, Math.floor(length / 3)]) {
    const figures = await ledger.figuresAt(index);
    const completed = events('batch.completed', index + 1).filter(({ event }) => event.fromJournal !== true);
    for (const { stage, latency, retries } of figures.stages) {
      const own = completed.filter(({ event }) => event.stage === stage);
      expect(latency.count).toBe(own.length);
      expect(latency.sumMs).toBeCloseTo(own.reduce((sum, { event }) => sum + Number(event.durationMs), 0));
      expect(retries).toBe(
        events('batch.retried', index + 1).filter(({ event }) => event.stage === stage).length,
      );
    }
    expect(figures.checkpoint.count).toBe(events('checkpoint.saved', index + 1).length);
    expect(figures).toEqual(await new JobLedger(run.reader, noTurn).figuresAt(index));
  }
});

test('failures have one cause however their numbers differ, with first, last and count', async () => {
  const { causes } = await new JobLedger(run.reader, noTurn).figuresAt(run.reader.length - 1);
  const retried = events('batch.retried');
  expect(causes).toEqual([
    expect.objectContaining({
      ...{ kind: 'batch.retried', stage: 'classify', count: retried.length },
      ...{ first: retried[0]?.index, last: retried.at(-1)?.index },
      message: '503 from the classification service',
    }),
  ]);
});

test('quantiles are within a bucket of the exact ones', () => {
  const histogram = new Histogram();
  const values = Array.from({ length: 1000 }, (_, i) => 1.5 * (i + 1));
  for (const value of values) histogram.add(value);
  const { p50, p95, p99, maxMs, count } = histogram.durations();
  for (const [is, exact] of [
    [p50, 750],
    [p95, 1425],
    [p99, 1485],
  ] as const)
    expect(Math.abs(Math.log2(is / exact))).toBeLessThan(0.25);
  expect([maxMs, count]).toEqual([1500, 1000]);
});

test('every batch has its whole life: attempts, waits, journal, sink, commit', async () => {
  const { lives, stages, isCut } = await livesOf(run.reader, 0, run.reader.length - 1, noTurn);
  expect(isCut).toBe(false);
  expect(lives.map(({ batch }) => batch).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 60 }, (_, i) => i),
  );
  for (const { batch, spans, journaled, committedAt, rows } of lives) {
    expect(rows).toBe(50);
    expect(committedAt).not.toBeNull();
    expect(journaled.map(([stage]) => stages[stage])).toContain('classify');
    for (const [i, span] of spans.entries()) {
      expect(span.to).toBeGreaterThanOrEqual(span.from);
      if (i > 0) expect(span.to).toBeGreaterThanOrEqual(spans[i - 1]?.from ?? 0);
    }
    const failed = spans.filter(
      ({ stage, kind, end }) => stage === 1 && kind === 'running' && end === 'failed',
    );
    const retried = events('batch.retried').filter(({ event }) => event.batch === batch);
    expect(failed.length).toBe(retried.length);
    for (const { note } of failed) expect(note).toContain('503');
    expect(spans.filter(({ stage, end }) => stage === 1 && end === 'done').length).toBeGreaterThan(0);
  }
  const killed = lives.flatMap(({ spans }) => spans.filter(({ end }) => end === 'killed'));
  const at = run.reader.summary().marks.find(({ kind }) => kind === 'killed')?.at;
  expect(killed.length).toBeGreaterThan(0);
  for (const span of killed) expect(span.to).toBe(at);
});

test('a part of a recording has the lives of that part, cut at its ends', async () => {
  const { length } = run.reader;
  const whole = await livesOf(run.reader, 0, length - 1, noTurn);
  const part = await livesOf(run.reader, Math.floor(length / 3), Math.floor(length / 2), noTurn);
  for (const life of part.lives)
    for (const span of life.spans.filter(({ end, from }) => end !== 'cut' && from > part.fromAt)) {
      const same = whole.lives.find(({ batch }) => batch === life.batch)?.spans;
      expect(same).toContainEqual(expect.objectContaining({ kind: span.kind, from: span.from, to: span.to }));
    }
});
