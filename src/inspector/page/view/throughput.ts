/** The series of a summary as a curve over the slider's axis. Pure. */
import { clock, day } from './format.js';
import type { Timeline } from './timeline.js';

interface Point {
  readonly at: number;
  readonly rowsOut: number;
  readonly rowsIn: number;
}

export interface Curve {
  /** 0 to 1, strictly rising. */
  readonly xs: readonly number[];
  /** Rows a second; null: nothing ran. */
  readonly rowsOut: readonly (number | null)[];
}

/** A rate is taken over so long at least, where there is so much. Milliseconds. */
const SHORTEST_MS = 100;

/** Points of a curve that a screen can tell apart. */
const POINTS = 400;

/** Rates between neighbouring points, over stretches at rest nothing; where a run went back to its checkpoint, zero. */
export function throughput(series: readonly Point[], line: Timeline): Curve {
  const xs: number[] = [];
  const rowsOut: (number | null)[] = [];
  const add = (x: number, y: number | null) => {
    const last = xs[xs.length - 1];
    if (last !== undefined && x <= last) return;
    xs.push(x);
    rowsOut.push(y);
  };
  const points = thinned(series);
  let a = points[0];
  for (let i = 1; i < points.length && a !== undefined; i++) {
    const b = points[i] as Point;
    const before = a.at;
    const rest = line.stretches.findLast((each) => each.atRest && before <= each.from && b.at >= each.to);
    const from = rest?.to ?? before;
    // What a resume finds in its journal is there at once, as are two commits beside each other: no rate to draw, nor at the
    // end, where a peak would flatten all before it; but for a run that is shorter as a whole.
    if (b.at - from < SHORTEST_MS && (i + 1 < points.length || xs.length > 0)) continue;
    const rate = (Math.max(0, b.rowsOut - a.rowsOut) * 1000) / Math.max(1, b.at - from);
    if (rest !== undefined) add(line.xOf(rest.from) + 1e-6, null);
    if (xs.length === 0 || rest !== undefined) add(line.xOf(from) + (rest === undefined ? 0 : 1e-6), rate);
    add(line.xOf(b.at), rate);
    a = b;
  }
  return { xs, rowsOut };
}

/** Every n-th point and those beside a stretch at rest would do; the ends of what was thinned keep the mean rate right. */
function thinned(series: readonly Point[]): readonly Point[] {
  if (series.length <= POINTS) return series;
  const step = series.length / POINTS;
  const kept = Array.from({ length: POINTS }, (_, i) => series[Math.floor(i * step)] as Point);
  return [...kept, series[series.length - 1] as Point];
}

export interface Tick {
  readonly x: number;
  readonly text: string;
}

/** Round times for the axis, as positions: the same distance in every stretch, none where the labels would touch. */
export function ticks(line: Timeline, most: number): Tick[] {
  const working = line.stretches.filter((each) => !each.atRest);
  const span = working.reduce((sum, each) => sum + each.to - each.from, 0);
  const step = STEPS.find((ms) => span / ms <= most) ?? DAY;
  const found: Tick[] = [];
  for (const { from, to } of working) {
    for (let at = Math.ceil(from / step) * step; at <= to && found.length < 50; at += step) {
      const x = line.xOf(at);
      if (x > 0.98 || x - (found[found.length - 1]?.x ?? -1) < 0.7 / most) continue;
      found.push({ x, text: step >= DAY ? day(at) : clock(at, step < 1000) });
    }
  }
  return found;
}

const DAY = 86_400_000;
const STEPS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1000,
  2000,
  5000,
  10_000,
  15_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  900_000,
  1_800_000,
  3_600_000,
  7_200_000,
  14_400_000,
  43_200_000,
  DAY,
];
