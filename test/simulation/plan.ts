/**
 * What a seed decides beforehand: the pipeline, its input, and the fate of every row and batch, so that the right output is
 * known before anything runs. What happens when (who is slow, what is commanded, what dies) is decided while it runs.
 *
 * A fate that costs rows ('skip', 'dead-letter') never changes; one that fails the run ('fail') is over after a few times.
 */
import { type Random, seededRandom } from '../../src/platform/clock.js';
import type { OnError } from '../../src/stages/stage.js';

/** In every row, and nowhere else: a control plane that shows it has a row in it (I3). */
export const ROW_MARK = 'only-in-rows';

export interface Row {
  readonly n: number;
  /** Tells the rows apart that a flatMap made of one. */
  readonly copy: number;
  readonly value: number;
  readonly text: string;
}

export type Shape = 'map' | 'filter' | 'flatMap' | 'batch';

/** `stall`: no answer until it is aborted. `late`: no answer until after it was aborted, then wrong rows. */
export type Fate = 'well' | 'throw' | 'stall' | 'late';

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
  readonly maxDeaths: number;
  /** How likely each is at a step. */
  readonly odds: { readonly death: number; readonly command: number; readonly fault: number };
}

/** Deaths in a seed, at most. */
export const MAX_DEATHS = 5;

export function planOf(seed: number): Plan {
  const random = seededRandom(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  const stages = Array.from({ length: upTo(3) }, (_, index) => stagePlan(index, random, pick, upTo));
  const rows = random() < 0.04 ? 0 : upTo(pick(6, 40, 90));
  const malformed = random() < 0.25 ? 0.05 : 0;
  const input = Array.from({ length: rows }, (_, n) =>
    random() < malformed
      ? undefined
      : { n, copy: 0, value: Math.floor(random() * 1e6), text: `${ROW_MARK} ${n} é☃` },
  );
  return {
    seed,
    stages,
    input,
    batchSize: upTo(8),
    maxInFlight: upTo(pick(2, 10)),
    checkpointInterval: upTo(pick(4, 30)),
    checkpointEveryMs: pick(20, 1_000, 5_000),
    onMalformed: pick('skip', 'dead-letter'),
    publish: pick('rename', 'rename', 'direct'),
    // At the fifth death the executor may be careful, at none a batch may be condemned.
    maxDeaths: pick(1_000, MAX_DEATHS + 2),
    odds: { death: pick(0, 0.004, 0.012), command: pick(0, 0.006, 0.03), fault: pick(0, 0.3, 0.7) },
  };
}

function stagePlan(
  index: number,
  random: Random,
  pick: <T>(...choices: readonly T[]) => T,
  upTo: (max: number) => number,
): StagePlan {
  const shape = pick<Shape>('map', 'filter', 'flatMap', 'batch', 'batch', 'batch');
  const isAsync = shape === 'batch' ? random() < 0.85 : random() < 0.5;
  // Without any of these, neighbouring row stages share a pass.
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

/** In [0, 1), by seed and place alone. */
function chance(seed: number, ...place: readonly number[]): number {
  let mixed = seed | 0;
  for (const part of place) mixed = Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca6b) ^ (mixed >>> 13);
  return seededRandom(mixed)();
}

/** What becomes of a row in a row stage. */
export function rowFate({ seed }: Plan, stage: StagePlan, row: Row): Fate {
  return chance(seed, 1, stage.index, row.n, row.copy) < stage.faultiness / 3 ? 'throw' : 'well';
}

/** What becomes of a batch as a whole. */
export function batchFate({ seed }: Plan, stage: StagePlan, batch: number): Fate {
  if (chance(seed, 2, stage.index, batch) >= stage.faultiness) return 'well';
  const canStall = stage.isAsync && stage.timeoutMs !== undefined;
  if (!canStall) return stage.shape === 'batch' ? 'throw' : 'well';
  return (['throw', 'stall', 'late'] as const)[Math.floor(chance(seed, 3, stage.index, batch) * 3)] as Fate;
}

/** How often it is so. */
export function timesOf({ seed }: Plan, stage: StagePlan, place: number): number {
  if (stage.onError !== 'fail') return Number.POSITIVE_INFINITY;
  return 1 + Math.floor(chance(seed, 4, stage.index, place) * 3);
}

/** What a row stage makes of a row, where all goes well. */
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

/** What a batch stage makes of a batch: it depends on all of its rows, so that a batch cut otherwise would show. */
export function workOnBatch(stage: StagePlan, rows: readonly Row[]): readonly Row[] {
  const sum = rows.reduce((all, row) => all + row.value, 0);
  const kept = rows.filter((row) => (row.value + stage.index) % 11 !== 0);
  return kept.map((row) => ({ ...row, value: (row.value + sum) % 1_000_003 }));
}
