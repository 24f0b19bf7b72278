/**
 * The context of the executor machine: references, counters and positions, never a row (I3). It is plain JSON, so that a
 * snapshot is a checkpoint.
 */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** The six states of the executor (I1). */
export const EXECUTOR_STATES = [
  'IDLE',
  'INITIALIZING',
  'EXECUTING',
  'PAUSED',
  'COMPLETED',
  'FAILED',
] as const;
/** The six states (I1). */
export type ExecutorState = (typeof EXECUTOR_STATES)[number];

/** An error as data: no stack, no cause. */
export interface ErrorData {
  readonly name: string;
  readonly code: string;
  /** At most 300 characters. */
  readonly message: string;
}

/** Counters of one stage, from the beginning of the session up to a mark. */
export interface StageCounters {
  readonly stage: string;
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows left out by `onError: 'skip'`. */
  readonly skipped: number;
  readonly deadLettered: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** Milliseconds in attempts, summed over concurrent ones. */
  readonly busyMs: number;
}

/** The rows lost to errors (I12): all are counted, the first 1,000 are named. */
export interface Losses {
  readonly total: number;
  /** `[batch, row, stage, reason]`: `row` is the index in the batch as the stage received it; `stage` is an index, -1 for
   * the source; `reason` is an index into `reasons`. Tuples keep 1,000 of them small (I3). */
  readonly named: readonly (readonly [batch: number, row: number, stage: number, reason: number])[];
  /** At most 20 distinct `code: message`; the last one covers all others. */
  readonly reasons: readonly string[];
}

/** The state that a stage has kept up to a mark (I3): a log beside the checkpoint, its length and its checksum. */
export interface StateReference {
  readonly stage: string;
  /** The log's name. */
  readonly log: string;
  readonly bytes: number;
  readonly checksum: string;
  /** Of a fork: the sink of the stage's results; absent: the pipeline's. */
  readonly results?: JsonObject;
}

/** Counters and positions of a run up to a batch boundary. A resume begins from one. */
export interface CheckpointMark {
  /** Batches before the mark; also the index of the first batch after it. */
  readonly batches: number;
  /** Rows of the source before the mark. */
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows that the source could not read: skipped, or sent to the dead letters. */
  readonly malformed: number;
  /** Input before the mark, in the source's unit. */
  readonly done: number;
  /** The source's position; null: its start. */
  readonly source: JsonObject | null;
  /** The sink's position; null: nothing was flushed. */
  readonly sink: JsonObject | null;
  readonly deadLetter: JsonObject | null;
  /** Milliseconds in EXECUTING, over all processes. */
  readonly elapsedMs: number;
  readonly stages: readonly StageCounters[];
  readonly losses: Losses;
  /** Of stages that keep state by key; absent: there is none. */
  readonly state?: readonly StateReference[];
}

/** The code of a `HoldReason`. */
export const HOLD_KINDS = ['budget', 'losses', 'quota', 'sample'] as const;

/** Why a run paused by itself: a budget is spent, too many rows were lost, an account is exhausted, a sample is done. */
export type HoldReason = {
  readonly kind: (typeof HOLD_KINDS)[number];
  /** What happened. At most 300 characters. */
  readonly message: string;
  /** What to do before a resume. At most 300 characters. */
  readonly advice: string;
};

/** A batch in flight. */
export interface BatchRef {
  readonly batch: number;
  /** Its rows in the source. */
  readonly rows: number;
  /** Index of its stage; the number of stages: it waits for the sink. */
  readonly at: number;
  /** The run is pausing, and the stage holds the batch until the run resumes. */
  readonly held?: boolean;
}

/** The counters that written batches add to a mark, summed by the data plane. */
export interface WrittenCounters {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly malformed: number;
  readonly done: number;
  readonly source: JsonObject;
  readonly stages: readonly StageCounters[];
  readonly losses: Losses;
}

/** The largest `maxInFlight`, in batches: a snapshot of so many fits into 64 KB (I3). */
export const MAX_WINDOW = 512;

/** Sizes that a session keeps from its beginning. */
export interface ExecutorSettings {
  /** Batches in flight at most (I13). */
  readonly maxInFlight: number;
  /** Rows of the source between checkpoints. */
  readonly checkpointInterval: number;
  /** Crashes with a batch in flight after which the batch is quarantined; from 2. */
  readonly maxCrashes: number;
}

/** The batches that may have crashed the process; see `poison.ts`. */
export interface PoisonSuspects {
  /** Crashes in a row. */
  readonly crashes: number;
  /** The first and the last batch that were in flight at each of them. */
  readonly from: number;
  readonly to: number;
}

/** The work under way: each field has one of a few values. It is an object of its own because V8 copies an object of more than
 * about 18 keys 20 times slower. */
export interface Activity {
  readonly reader: 'idle' | 'reading' | 'ended';
  readonly writer: 'idle' | 'writing';
  /** One commit at a time: `flushing`, then `saving` (I6). `resting`: the minimum pause after a commit. */
  readonly committer: 'idle' | 'flushing' | 'saving' | 'resting';
  /** `ready`: everything is committed, and only publishing is left. `delivering`: the output is published, and `deliver` runs.
   * `published`: that is done, too. */
  readonly publisher: 'idle' | 'ready' | 'publishing' | 'delivering' | 'published';
  /** `due`: a checkpoint is due by time. */
  readonly timer: 'running' | 'due';
  /** `pause`: nothing new is read; running attempts are finished and committed (I16). */
  readonly goal: 'run' | 'pause';
  /** `snapshot`: restored, and this process has not opened the session yet. */
  readonly origin: 'run' | 'snapshot';
}

/** The executor's context: references and counters, never rows (I3). */
export interface ExecutorContext {
  /** Empty until a run begins. */
  readonly sessionId: string;
  readonly pipeline: string;
  readonly stages: readonly string[];
  readonly settings: ExecutorSettings;
  /** Milliseconds since the epoch; 0 until a run begins. */
  readonly startedAt: number;
  /** Batches in flight, in source order. */
  readonly window: readonly BatchRef[];
  /** Index of the next batch to read. */
  readonly next: number;
  readonly activity: Activity;
  /** Appended to the sink. */
  readonly written: CheckpointMark;
  /** The mark that the current flush covers; null without a flush. */
  readonly flushing: CheckpointMark | null;
  /** Durable in the sink: a resume begins here. */
  readonly flushed: CheckpointMark;
  /** The watermark (I5): batches that are durable in the sink and covered by a checkpoint. */
  readonly committed: number;
  readonly error: ErrorData | null;
  /** Why the run pauses by itself; undefined: by a command, or no pause. */
  readonly pauseReason: HoldReason | undefined;
  /** Null: the last process did not crash. */
  readonly suspects: PoisonSuspects | null;
}

/** The output of a completed run. */
export interface ExecutorOutput {
  readonly sessionId: string;
  /** The run ended with output, or had no input. */
  readonly success: boolean;
  /** No row was lost. */
  readonly isComplete: boolean;
  readonly mark: CheckpointMark;
}

export const NO_LOSSES: Losses = { total: 0, named: [], reasons: [] };

export function emptyCheckpointMark(stages: readonly string[]): CheckpointMark {
  return {
    batches: 0,
    rowsIn: 0,
    rowsOut: 0,
    malformed: 0,
    done: 0,
    source: null,
    sink: null,
    deadLetter: null,
    elapsedMs: 0,
    stages: stages.map((stage) => emptyStageCounters(stage)),
    losses: NO_LOSSES,
  };
}

export function emptyStageCounters(stage: string): StageCounters {
  return { stage, batches: 0, rowsIn: 0, rowsOut: 0, skipped: 0, deadLettered: 0, retries: 0, busyMs: 0 };
}

/** The mark after batches were written.
 * @param batches index of the first batch after them. */
export function advanceMark(
  mark: CheckpointMark,
  batches: number,
  counters: WrittenCounters,
): CheckpointMark {
  return {
    ...mark,
    batches,
    rowsIn: mark.rowsIn + counters.rowsIn,
    rowsOut: mark.rowsOut + counters.rowsOut,
    malformed: mark.malformed + counters.malformed,
    done: counters.done,
    source: counters.source,
    stages: mark.stages.map((stage, i) => addStageCounters(stage, counters.stages[i])),
    losses: counters.losses.total === 0 ? mark.losses : addLosses(mark.losses, counters.losses),
  };
}

export function addStageCounters(a: StageCounters, b: StageCounters | undefined): StageCounters {
  if (b === undefined) return a;
  return {
    stage: a.stage,
    batches: a.batches + b.batches,
    rowsIn: a.rowsIn + b.rowsIn,
    rowsOut: a.rowsOut + b.rowsOut,
    skipped: a.skipped + b.skipped,
    deadLettered: a.deadLettered + b.deadLettered,
    retries: a.retries + b.retries,
    busyMs: a.busyMs + b.busyMs,
  };
}

export const MAX_NAMED_LOSSES = 1000;
export const MAX_REASONS = 20;

export function addLosses(a: Losses, b: Losses): Losses {
  const reasons = [...a.reasons];
  const named = [...a.named];
  for (const [batch, row, stage, reason] of b.named) {
    if (named.length >= MAX_NAMED_LOSSES) break;
    named.push([batch, row, stage, reasonIndex(reasons, b.reasons[reason] ?? 'unknown')]);
  }
  return { total: a.total + b.total, named, reasons };
}

/** The index of `reason` in the table. A new reason is added while there is room; the last entry covers all others. */
export function reasonIndex(reasons: string[], reason: string): number {
  const known = reasons.indexOf(reason);
  if (known >= 0) return known;
  if (reasons.length < MAX_REASONS - 1) return reasons.push(reason) - 1;
  if (reasons.length === MAX_REASONS - 1) reasons.push('another reason');
  return MAX_REASONS - 1;
}
