/** Places the lives of batches as bars in lanes, one lane a stage; and finds the critical path. Pure. */
import type { BatchLife, BatchLives, LifeSpan } from '../../job/life.js';

export interface GanttBar {
  readonly life: BatchLife;
  readonly span: LifeSpan;
  /** Pixels. */
  readonly y: number;
  readonly height: number;
}

export interface GanttLane {
  readonly name: string;
  readonly y: number;
  readonly height: number;
}

export interface Gantt {
  readonly lanes: readonly GanttLane[];
  readonly bars: readonly GanttBar[];
  readonly height: number;
}

/** Pixels: a running attempt, a wait, the room between lanes. */
const [RUNNING, WAITING, GAP, LEAST] = [12, 5, 9, 18];
/** More would be unreadable: further bars share the last rows. */
const [MAX_RUNNING, MAX_WAITING] = [10, 8];

export function ganttOf({ lives, stages }: BatchLives): Gantt {
  const lanes: GanttLane[] = [];
  const bars: GanttBar[] = [];
  let y = 4;
  const all = lives.flatMap((life) => life.spans.map((span) => ({ life, span })));
  for (const [stage, name] of [...stages, 'output'].entries()) {
    const own = all.filter(({ span }) => span.stage === stage).sort((a, b) => a.span.from - b.span.from);
    const running = own.filter(({ span }) => span.kind === 'running');
    const waiting = own.filter(({ span }) => span.kind !== 'running');
    const top = y;
    const a = packed(running, MAX_RUNNING);
    for (const { item, row } of a.placed)
      bars.push({ ...item, y: top + row * (RUNNING + 1), height: RUNNING });
    const below = top + a.rows * (RUNNING + 1) + (a.rows > 0 ? 1 : 0);
    const b = packed(waiting, MAX_WAITING);
    for (const { item, row } of b.placed)
      bars.push({ ...item, y: below + row * (WAITING + 1), height: WAITING });
    const height = Math.max(LEAST, below + b.rows * (WAITING + 1) - top);
    lanes.push({ name, y: top, height });
    y = top + height + GAP;
  }
  return { lanes, bars, height: y };
}

type Item = Pick<GanttBar, 'life' | 'span'>;

/** Each in the first row that is free. */
function packed(items: readonly Item[], most: number) {
  const ends: number[] = [];
  const placed = items.map((item) => {
    let row = ends.findIndex((end) => end <= item.span.from);
    if (row < 0) row = ends.length < most ? ends.length : ends.indexOf(Math.min(...ends));
    ends[row] = Math.max(ends[row] ?? 0, item.span.to);
    return { item, row };
  });
  return { placed, rows: ends.length };
}

export interface CriticalPath {
  readonly spans: ReadonlySet<LifeSpan>;
  /** Milliseconds on the path, by stage and kind of span; the longest first. */
  readonly shares: readonly {
    readonly stage: number;
    readonly kind: LifeSpan['kind'];
    readonly ms: number;
  }[];
}

/** Events of one moment may be recorded a few milliseconds apart. */
const SLACK_MS = 5;
const MAX_STEPS = 10_000;

/**
 * The chain of spans that the last written batch waited for: its own, and where it was queued, those of the batch whose slot it
 * then took.
 */
export function criticalPath(lives: readonly BatchLife[]): CriticalPath {
  const byStage = new Map<number, Item[]>();
  let current: Item | undefined;
  for (const life of lives)
    for (const span of life.spans) {
      if (span.kind === 'running') byStage.set(span.stage, [...listOf(byStage, span.stage), { life, span }]);
      if (current === undefined || span.to > current.span.to) current = { life, span };
    }
  const spans = new Set<LifeSpan>();
  for (let i = 0; current !== undefined && i < MAX_STEPS && !spans.has(current.span); i++) {
    spans.add(current.span);
    current = before(current, byStage);
  }
  const sums = new Map<string, { stage: number; kind: LifeSpan['kind']; ms: number }>();
  for (const { stage, kind, from, to } of spans) {
    const key = `${stage} ${kind}`;
    const sum = sums.get(key) ?? { stage, kind, ms: 0 };
    sum.ms += to - from;
    sums.set(key, sum);
  }
  return { spans, shares: [...sums.values()].sort((a, b) => b.ms - a.ms) };
}

function before({ life, span }: Item, running: ReadonlyMap<number, readonly Item[]>): Item | undefined {
  const own = life.spans.filter((each) => each !== span && each.to <= span.from + SLACK_MS);
  const previous = own.reduce<LifeSpan | undefined>(
    (a, b) => (a === undefined || b.to > a.to ? b : a),
    undefined,
  );
  if (previous?.kind === 'queued' || previous?.kind === 'permit') {
    const slot = (running.get(span.stage) ?? [])
      .filter((each) => each.span !== span && each.span.from < span.from)
      .filter((each) => Math.abs(each.span.to - span.from) <= SLACK_MS)
      .sort((a, b) => Math.abs(a.span.to - span.from) - Math.abs(b.span.to - span.from))[0];
    if (slot !== undefined) return slot;
  }
  return previous === undefined ? undefined : { life, span: previous };
}

const listOf = (map: ReadonlyMap<number, Item[]>, key: number): Item[] => map.get(key) ?? [];

/** What a span is, in words. */
export const SPAN_WORDS: Readonly<Record<LifeSpan['kind'], string>> = {
  queued: 'queued for a slot',
  running: 'running',
  permit: 'waiting for a permit',
  backoff: 'waiting for the next attempt',
  held: 'held until the resume',
  ready: 'waiting for earlier batches',
  written: 'written, not yet committed',
};

export const END_WORDS: Readonly<Record<LifeSpan['end'], string>> = {
  done: '',
  failed: 'failed',
  lost: 'given up: its rows are lost',
  killed: 'cut off by a kill',
  cut: '',
};
