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
  /** Rows a second; null: idle. */
  readonly rowsOut: readonly (number | null)[];
}

/** Minimum milliseconds that a rate is computed over. */
const SHORTEST_MS = 100;

/** Maximum points of a curve. */
const POINTS = 400;

/** Rates between neighbouring points; null over idle stretches, zero where a run went back to its checkpoint. */
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
    // Batches from the journal arrive at once, as do adjacent commits: their peak would flatten the curve. Only a run that is
    // shorter as a whole shows it.
    if (b.at - from < SHORTEST_MS && (i + 1 < points.length || xs.length > 0)) continue;
    const rate = (Math.max(0, b.rowsOut - a.rowsOut) * 1000) / Math.max(1, b.at - from);
    if (rest !== undefined) add(line.xOf(rest.from) + 1e-6, null);
    if (xs.length === 0 || rest !== undefined) add(line.xOf(from) + (rest === undefined ? 0 : 1e-6), rate);
    add(line.xOf(b.at), rate);
    a = b;
  }
  return { xs, rowsOut };
}

/** Keeps the ends of each thinned group, so that the mean rate stays right. */
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

/** Positions of round times on the axis: equally spaced within a stretch, and without overlapping labels. */
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
