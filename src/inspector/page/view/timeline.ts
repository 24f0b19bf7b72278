/**
 * Maps moments to the slider: time, without the hours in which nothing ran. Pure.
 *
 * 1. All working stretches have the same scale. An idle stretch that is long beside the work gets a fixed sliver, drawn as a
 *    break.
 * 2. `xOf` and `atOf` are inverse up to the width of a sliver; both are monotonic.
 */
import type { MomentKind } from '../records.js';

interface Moment {
  readonly at: number;
}

interface MarkLike extends Moment {
  readonly index: number;
  readonly kind: MomentKind;
  readonly label: string;
}

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly marks: readonly MarkLike[];
  readonly series: readonly Moment[];
}

/** A stretch of time `[from, to]` on `[x0, x1]`, both 0 to 1 over the whole. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly x0: number;
  readonly x1: number;
  readonly atRest: boolean;
}

export interface Timeline {
  readonly stretches: readonly Stretch[];
  /** 0 to 1. */
  xOf(at: number): number;
  /** Milliseconds since the epoch. */
  atOf(x: number): number;
}

/** Shares of the whole: each sliver, and all of them. */
const SLIVER = 0.02;
const ALL_SLIVERS = 0.3;
/** Share of the working time. */
const WORTH_FOLDING = 0.03;
/** The run is idle after these marks, until the next start. */
const RESTS: ReadonlySet<MomentKind> = new Set([
  'paused',
  'failed',
  'completed',
  'cancelled',
  'killed',
  'end',
]);
const STARTS: ReadonlySet<MomentKind> = new Set(['restart', 'resumed']);

export function timeline(span: Span): Timeline {
  const stretches = place(span.from, Math.max(span.to, span.from + 1), rests(span));
  const first = stretches[0] as Stretch;
  const last = stretches[stretches.length - 1] as Stretch;
  return {
    stretches,
    xOf(at) {
      const { from, to, x0, x1 } = stretches.find((each) => at <= each.to) ?? last;
      return clamp(x0 + ((at - from) / (to - from)) * (x1 - x0), first.x0, last.x1);
    },
    atOf(x) {
      const { from, to, x0, x1 } = stretches.find((each) => x <= each.x1) ?? last;
      return clamp(from + ((x - x0) / (x1 - x0)) * (to - from), first.from, last.to);
    },
  };
}

/** Long stretches without a record that end with a start or begin with a pause. */
function rests({ from, to, marks, series }: Span): [number, number][] {
  const times = [from, ...series.map((each) => each.at), ...marks.map((each) => each.at), to].sort(
    (a, b) => a - b,
  );
  const starts = new Set(marks.filter((mark) => STARTS.has(mark.kind)).map((mark) => mark.at));
  const ends = new Set(marks.filter((mark) => RESTS.has(mark.kind)).map((mark) => mark.at));
  const found: [number, number][] = [];
  for (let i = 1; i < times.length; i++) {
    const [a, b] = [times[i - 1] as number, times[i] as number];
    if (starts.has(b) || ends.has(a)) found.push([a, b]);
  }
  const working = to - from - lengthOf(found);
  return found.filter(([a, b]) => b - a > Math.max(1, working * WORTH_FOLDING));
}

const lengthOf = (stretches: readonly [number, number][]): number =>
  stretches.reduce((sum, [a, b]) => sum + b - a, 0);

function place(from: number, to: number, folded: readonly [number, number][]): Stretch[] {
  const working = to - from - lengthOf(folded);
  // Without working time, the slivers take the whole width.
  const sliver = working > 0 ? Math.min(SLIVER, ALL_SLIVERS / folded.length) : 1 / folded.length;
  const room = 1 - folded.length * sliver;
  const stretches: Stretch[] = [];
  let [at, x] = [from, 0];
  const add = (until: number, width: number, atRest: boolean) => {
    if (until <= at) return;
    stretches.push({ from: at, to: until, x0: x, x1: x + width, atRest });
    at = until;
    x += width;
  };
  for (const [a, b] of folded) {
    add(a, ((a - at) / working) * room, false);
    add(b, sliver, true);
  }
  add(to, 1 - x, false);
  return stretches;
}

/** Milliseconds until a moment in which the run was not idle. */
export function workedMs({ stretches }: Timeline, at: number): number {
  return stretches.reduce(
    (sum, { from, to, atRest }) => (atRest ? sum : sum + Math.max(0, Math.min(at, to) - from)),
    0,
  );
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

export interface PlacedMark extends MarkLike {
  readonly x: number;
}

/** The marks to draw: all important ones, and checkpoints at least `gap` (0 to 1) apart. */
export function drawnMarks(marks: readonly MarkLike[], line: Timeline, gap: number): PlacedMark[] {
  const placed: PlacedMark[] = [];
  let lastCheckpoint = Number.NEGATIVE_INFINITY;
  for (const mark of marks) {
    const x = line.xOf(mark.at);
    if (mark.kind === 'checkpoint') {
      if (x - lastCheckpoint < gap) continue;
      lastCheckpoint = x;
    }
    placed.push({ ...mark, x });
  }
  return placed;
}

/** The mark that a jump from `index` leads to; undefined: none in that direction. Checkpoints only with `all`. */
export function markBeside<M extends MarkLike>(
  marks: readonly M[],
  index: number,
  way: 1 | -1,
  all: boolean,
): M | undefined {
  const wanted = marks.filter(
    (mark) => (all || mark.kind !== 'checkpoint') && (mark.index - index) * way > 0,
  );
  return way === 1 ? wanted[0] : wanted[wanted.length - 1];
}

/** The name of a mark's colour. */
export function toneOfMark(kind: MomentKind): string {
  if (kind === 'failed' || kind === 'killed') return 'bad';
  if (kind === 'completed') return 'good';
  return kind === 'paused' || kind === 'cancelled' || kind === 'gap' || kind === 'end' ? 'warn' : 'accent';
}

/** Marks far enough apart to press. */
export function apart(marks: readonly PlacedMark[], gap: number): PlacedMark[] {
  const kept: PlacedMark[] = [];
  for (const mark of marks) {
    const last = kept[kept.length - 1];
    if (last === undefined || mark.x - last.x >= gap) kept.push(mark);
    // The end of a run wins over a mark beside it.
    else if (toneOfMark(last.kind) === 'accent') kept[kept.length - 1] = mark;
  }
  return kept;
}
