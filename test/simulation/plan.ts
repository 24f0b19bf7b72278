/**
 * What a seed decides beforehand: the pipeline, its input, and the fault of every row and batch, so that the expected output
 * is known. Timing (delays, commands, crashes) is decided during the run.
 *
 * A fault that loses rows ('skip', 'dead-letter') is permanent; one that fails the run ('fail') ends after a few times.
 */
import { type Random, seededRandom } from '../../src/platform/clock.js';
import type { OnError } from '../../src/stages/stage.js';

/** Part of every row and of nothing else: where it appears, there is a row (I3). */
export const ROW_MARK = 'only-in-rows';

export interface Row {
  readonly n: number;
  /** Distinguishes the rows that a flatMap made of one row. */
  readonly copy: number;
  readonly value: number;
  readonly text: string;
}

export type Shape = 'map' | 'filter' | 'flatMap' | 'batch';

/** `stall`: pending until aborted. `late`: pending until after the abort, then returns wrong rows. */
export type StageFault = 'none' | 'throw' | 'stall' | 'late';

export interface StagePlan {
  readonly index: number;
  readonly name: string;
  readonly shape: Shape;
  readonly isAsync: boolean;
  readonly durable: boolean;
  readonly concurrency: number;
  readonly rowConcurrency: number;
  readonly attempts: number;
  readonly timeoutMs: number | undefined;
  readonly onError: OnError;
  readonly faultiness: number;
  /** Undefined: it has none. A plan that has one fails with answers 429. */
  readonly limit: { readonly limit: number; readonly burst: number } | undefined;
  /** Lower bound of an adaptive concurrency; undefined: it is constant. */
  readonly minConcurrency: number | undefined;
  /** Its calls are reserved and counted. */
  readonly isPaid: boolean;
}

export interface Plan {
  readonly seed: number;
  readonly stages: readonly StagePlan[];
  /** Undefined: a line that is not JSON. */
  readonly input: readonly (Row | undefined)[];
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly checkpointInterval: number;
  readonly checkpointEveryMs: number;
  readonly onMalformed: 'skip' | 'dead-letter';
  readonly publish: 'rename' | 'direct';
  readonly maxCrashes: number;
  /** Rows of a sample; undefined: none. */
  readonly sample: number | undefined;
  /** Probability at a step. */
  readonly odds: { readonly crash: number; readonly command: number; readonly fault: number };
}

/** Maximum crashes of a seed. */
export const MAX_CRASHES = 5;

export function planOf(seed: number): Plan {
  const random = seededRandom(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  // Apart, so that the rest of a plan is as it was before there were limits.
  const paid = seededRandom(seed + 1_000_000_007);
  const stages = Array.from({ length: upTo(3) }, (_, index) =>
    paidStage(stagePlan(index, random, pick, upTo), paid),
  );
  const rows = random() < 0.04 ? 0 : upTo(pick(6, 40, 90));
  const malformed = random() < 0.25 ? 0.05 : 0;
  const input = Array.from({ length: rows }, (_, n) =>
    random() < malformed
      ? undefined
      : { n, copy: 0, value: Math.floor(random() * 1e6), text: `${ROW_MARK} ${n} é☃` },
  );
  const batchSize = upTo(8);
  return {
    seed,
    stages,
    input,
    batchSize,
    // Whole batches, so that their borders are those of a run without a sample.
    sample: paid() < 0.15 ? batchSize * (1 + Math.floor(paid() * 5)) : undefined,
    maxInFlight: upTo(pick(2, 10)),
    checkpointInterval: upTo(pick(4, 30)),
    checkpointEveryMs: pick(20, 1_000, 5_000),
    onMalformed: pick('skip', 'dead-letter'),
    publish: pick('rename', 'rename', 'direct'),
    // At the fifth crash the executor may isolate batches; it must never quarantine one.
    maxCrashes: pick(1_000, MAX_CRASHES + 2),
    odds: { crash: pick(0, 0.004, 0.012), command: pick(0, 0.006, 0.03), fault: pick(0, 0.3, 0.7) },
  };
}

function stagePlan(
  index: number,
  random: Random,
  pick: <T>(...choices: readonly T[]) => T,
  upTo: (max: number) => number,
): Omit<StagePlan, 'limit' | 'minConcurrency' | 'isPaid'> {
  const shape = pick<Shape>('map', 'filter', 'flatMap', 'batch', 'batch', 'batch');
  const isAsync = shape === 'batch' ? random() < 0.85 : random() < 0.5;
  // Plain neighbouring row stages are fused.
  const isPlain = !isAsync && random() < 0.6;
  return {
    index,
    name: `${shape}-${index}`,
    shape,
    isAsync,
    durable: isPlain ? false : random() < 0.55,
    concurrency: upTo(8),
    rowConcurrency: shape === 'batch' || isPlain ? 1 : upTo(3),
    attempts: isPlain ? 1 : upTo(3),
    timeoutMs: isAsync && random() < 0.5 ? pick(50, 400) : undefined,
    onError: pick('fail', 'skip', 'dead-letter'),
    faultiness: pick(0, 0, 0.06, 0.15),
  };
}

/** Limits and prices change when work is done, and never its result. */
function paidStage(stage: Omit<StagePlan, 'limit' | 'minConcurrency' | 'isPaid'>, random: Random): StagePlan {
  // Calls change what a time limit is for: the call, not the batch.
  const isTimed = stage.shape !== 'batch' && stage.timeoutMs !== undefined && stage.onError !== 'fail';
  const isPlain = !stage.isAsync || isTimed;
  const isLimited = !isPlain && random() < 0.3;
  const isAdaptive = !isPlain && stage.concurrency > 1 && random() < 0.3;
  return {
    ...stage,
    limit: isLimited
      ? { limit: 1 + Math.floor(random() * 400), burst: 1 + Math.floor(random() * 3) }
      : undefined,
    minConcurrency: isAdaptive ? 1 + Math.floor(random() * stage.concurrency) : undefined,
    isPaid: !isPlain && random() < 0.2,
  };
}

/** A number in [0, 1) that depends on the seed and the place only. */
function chance(seed: number, ...place: readonly number[]): number {
  let mixed = seed | 0;
  for (const part of place) mixed = Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca6b) ^ (mixed >>> 13);
  return seededRandom(mixed)();
}

/** The fault of a row in a row stage. */
export function rowFaultOf({ seed }: Plan, stage: StagePlan, row: Row): StageFault {
  return chance(seed, 1, stage.index, row.n, row.copy) < stage.faultiness / 3 ? 'throw' : 'none';
}

/** The fault of a whole batch. */
export function batchFaultOf({ seed }: Plan, stage: StagePlan, batch: number): StageFault {
  if (chance(seed, 2, stage.index, batch) >= stage.faultiness) return 'none';
  const canStall = stage.isAsync && stage.timeoutMs !== undefined;
  if (!canStall) return stage.shape === 'batch' ? 'throw' : 'none';
  return (['throw', 'stall', 'late'] as const)[
    Math.floor(chance(seed, 3, stage.index, batch) * 3)
  ] as StageFault;
}

/** How many times the fault occurs. */
export function timesOf({ seed }: Plan, stage: StagePlan, place: number): number {
  if (stage.onError !== 'fail') return Number.POSITIVE_INFINITY;
  return 1 + Math.floor(chance(seed, 4, stage.index, place) * 3);
}

/** The result of a row stage for a row without a fault. */
export function workOnRow(stage: StagePlan, row: Row): Row | boolean | readonly Row[] {
  const value = (row.value * 31 + stage.index + 7) % 1_000_003;
  if (stage.shape === 'filter') return row.value % 7 !== stage.index;
  if (stage.shape === 'map') return { ...row, value };
  return Array.from({ length: row.value % 4 }, (_, i) => ({
    ...row,
    copy: row.copy * 4 + i,
    value: value + i,
  }));
}

/** The result of a batch stage for a batch. It depends on all its rows, so that other batch borders change it. */
export function workOnBatch(stage: StagePlan, rows: readonly Row[]): readonly Row[] {
  const sum = rows.reduce((all, row) => all + row.value, 0);
  const kept = rows.filter((row) => (row.value + stage.index) % 11 !== 0);
  return kept.map((row) => ({ ...row, value: (row.value + sum) % 1_000_003 }));
}
