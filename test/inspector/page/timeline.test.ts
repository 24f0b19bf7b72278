/**
 * Pins the slider's axis: idle hours take a sliver, and marks are at their moments.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { throughput, ticks } from '../../../src/inspector/page/view/throughput.js';
import {
  apart,
  drawnMarks,
  markBeside,
  type Span,
  timeline,
} from '../../../src/inspector/page/view/timeline.js';
import { recorded } from './recording.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const mark = (kind: 'checkpoint' | 'paused' | 'resumed' | 'restart', at: number, index = at) => ({
  ...{ index, at, kind, label: kind },
});
const point = (at: number, rowsOut: number) => ({ at, rowsIn: rowsOut, rowsOut });

/** Ten minutes of work, a pause of ten hours, ten minutes of work. */
const paused: Span & { series: { at: number; rowsIn: number; rowsOut: number }[] } = {
  from: 0,
  to: 10 * HOUR + 20 * MINUTE,
  marks: [mark('paused', 10 * MINUTE), mark('resumed', 10 * HOUR + 10 * MINUTE)],
  series: [
    point(0, 0),
    point(10 * MINUTE, 60_000),
    point(10 * HOUR + 15 * MINUTE, 90_000),
    point(10 * HOUR + 20 * MINUTE, 120_000),
  ],
};

test('ten idle hours are a sliver between two equally wide stretches of work', () => {
  const line = timeline(paused);
  expect(line.stretches.map((each) => each.atRest)).toEqual([false, true, false]);
  const widths = line.stretches.map((each) => each.x1 - each.x0);
  expect(widths[1]).toBeCloseTo(0.02);
  expect(widths[0]).toBeCloseTo(widths[2] as number);
});

test('work between the last commit and a kill is time like any other', async () => {
  const { reader } = await recorded();
  const { marks, series, ...span } = reader.summary();
  const killed = marks.find(({ kind }) => kind === 'killed');
  const restart = marks.find(({ kind }) => kind === 'restart');
  expect(killed).toMatchObject({ label: 'process 4711 was killed', index: (restart?.index ?? 0) - 1 });
  const lastCommit = series.findLast((each) => each.at < (killed?.at ?? 0))?.at ?? 0;
  expect(killed?.at).toBeGreaterThan(lastCommit);
  const line = timeline({ ...span, marks, series });
  const idle = line.stretches.filter(({ atRest }) => atRest).map(({ from, to }) => [from, to]);
  expect(idle).toContainEqual([killed?.at, restart?.at]);
  const resumed = marks.find(({ kind }) => kind === 'resumed')?.at ?? 0;
  for (const [, to = 0] of idle) expect(to <= resumed || to > (killed?.at ?? 0)).toBe(true);
});

test('a slow run is not idle: only time beside a pause, an end or a start is folded', () => {
  const line = timeline({ from: 0, to: 10 * HOUR, marks: [], series: [point(0, 0), point(9 * HOUR, 1)] });
  expect(line.stretches).toHaveLength(1);
});

test('moments and positions map to each other, in order, for random histories', () => {
  const moments = fc.array(
    fc.record({
      at: fc.nat(1_000_000),
      kind: fc.constantFrom('checkpoint' as const, 'paused' as const, 'resumed' as const, 'restart' as const),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(moments, fc.nat(1_000_000), fc.nat(1_000_000), (found, a, b) => {
      const marks = found.map(({ kind, at }) => mark(kind, at)).sort((x, y) => x.at - y.at);
      const line = timeline({ from: 0, to: 1_000_000, marks, series: [] });
      expect(line.stretches[0]).toMatchObject({ from: 0, x0: 0 });
      expect(line.stretches[line.stretches.length - 1]?.x1).toBeCloseTo(1);
      for (const at of [a, b]) expect(line.atOf(line.xOf(at))).toBeCloseTo(at, 3);
      expect(line.xOf(Math.min(a, b))).toBeLessThanOrEqual(line.xOf(Math.max(a, b)));
    }),
  );
});

test('a session without work has idle stretches only', () => {
  const marks = [mark('paused', 0), mark('paused', 400), mark('restart', 1_000)];
  const line = timeline({ from: 0, to: 1_000, marks, series: [] });
  expect(line.stretches.map(({ atRest }) => atRest)).toEqual([true, true]);
  expect([line.xOf(0), line.xOf(400), line.xOf(1_000)]).toEqual([0, 0.5, 1]);
});

test('only checkpoints are thinned out', () => {
  const marks = Array.from({ length: 1000 }, (_, i) => mark('checkpoint', i * 100));
  marks.splice(500, 0, mark('restart', 50_001), mark('paused', 50_002));
  const line = timeline({ from: 0, to: 100_000, marks: [], series: [] });
  const drawn = drawnMarks(marks, line, 0.01);
  expect(drawn.filter(({ kind }) => kind === 'checkpoint').length).toBeLessThanOrEqual(101);
  expect(drawn.filter(({ kind }) => kind !== 'checkpoint')).toHaveLength(2);
  // Of two marks at one place, the one of the end has the button.
  expect(
    apart(
      drawn.filter(({ kind }) => kind !== 'checkpoint'),
      0.01,
    ).map(({ kind }) => kind),
  ).toEqual(['paused']);
});

test('a jump goes to the next mark and skips checkpoints', () => {
  const marks = [mark('checkpoint', 1), mark('paused', 2), mark('checkpoint', 3), mark('resumed', 4)];
  expect(markBeside(marks, 2, 1, false)?.index).toBe(4);
  expect(markBeside(marks, 2, 1, true)?.index).toBe(3);
  expect(markBeside(marks, 4, -1, false)?.index).toBe(2);
  expect(markBeside(marks, 2, -1, false)).toBeUndefined();
});

test('throughput is rows a second; idle stretches have none', () => {
  const line = timeline(paused);
  const { xs, rowsOut } = throughput(paused.series, line);
  expect(xs).toEqual([...xs].sort((a, b) => a - b));
  const rates = rowsOut.filter((rate) => rate !== null).map(Math.round);
  expect(new Set(rates)).toEqual(new Set([100]));
  expect(rowsOut.filter((rate) => rate === null)).toHaveLength(1);
});

test('two thousand points become a few hundred, and a rewound run has no negative rate', () => {
  const series = Array.from({ length: 2000 }, (_, i) => point(i * 1000, i < 1000 ? i * 10 : (i - 600) * 10));
  const { rowsOut } = throughput(series, timeline({ from: 0, to: 2_000_000, marks: [], series }));
  expect(rowsOut.length).toBeLessThan(500);
  expect(Math.min(...rowsOut.map((rate) => rate ?? 0))).toBe(0);
});

test('the axis has few labels, which do not overlap', () => {
  const found = ticks(timeline(paused), 8);
  expect(found.length).toBeGreaterThan(2);
  expect(found.length).toBeLessThanOrEqual(12);
  for (let i = 1; i < found.length; i++)
    expect((found[i]?.x ?? 0) - (found[i - 1]?.x ?? 0)).toBeGreaterThan(0.08);
});

test('two adjacent commits at the end make no peak', () => {
  const at = (ms: number, rowsOut: number) => ({ at: ms, rowsIn: rowsOut, rowsOut });
  const series = [at(0, 0), at(1000, 100), at(2000, 200), at(2002, 300)];
  const { rowsOut } = throughput(series, timeline({ ...paused, from: 0, to: 2002, marks: [], series }));
  expect(Math.max(...rowsOut.map((rate) => rate ?? 0))).toBe(100);
});
