/**
 * What the machines know: references, counts and positions, never a row (I3). Everything here is plain JSON, so that a
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

/** Rows and batches of one stage, from the beginning of the session up to a mark. */
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
  /** Milliseconds in attempts; attempts that ran at once add up. */
  readonly busyMs: number;
}

/** The rows that errors cost (I12): all counted, the first 1,000 named. */
export interface Losses {
  readonly total: number;
  /** `[batch, row, stage, reason]`: `row` is the index in the batch as the stage received it, `stage` an index, -1 for
   * the source, `reason` an index into `reasons`. Tuples keep 1,000 of them small (I3). */
  readonly named: readonly (readonly [batch: number, row: number, stage: number, reason: number])[];
  /** At most 20 distinct `code: message`; the last stands for all further ones. */
  readonly reasons: readonly string[];
}

/** All facts about the run up to a batch boundary: what a run can go on from. */
export interface CheckpointMark {
  /** Batches before it: the index of the first batch after it. */
  readonly batches: number;
  /** Rows of the source before it. */
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows that the source could not read, left out or set aside. */
  readonly malformed: number;
  /** How much of the input's size lies before it, in the source's unit. */
  readonly done: number;
  /** Where the source stands; null: at its start. */
  readonly source: JsonObject | null;
  /** Where the sinks stand; null: nothing was ever flushed. */
  readonly sink: JsonObject | null;
  readonly deadLetter: JsonObject | null;
  /** Milliseconds the run has been executing, over all processes. */
  readonly elapsedMs: number;
  readonly stages: readonly StageCounters[];
  readonly losses: Losses;
}

/** A batch in flight. */
export interface BatchRef {
  readonly batch: number;
  /** Rows it had when it was read. */
  readonly rows: number;
  /** Index of the stage it is at; the number of stages when it waits for its turn at the sink. */
  readonly at: number;
}

/** What was added between two marks: the facts of written batches, summed by the data plane. */
export interface WrittenCounters {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly malformed: number;
  readonly done: number;
  readonly source: JsonObject;
  readonly stages: readonly StageCounters[];
  readonly losses: Losses;
}

/** Batches in flight at most, whatever is asked for: a snapshot of them fits into 64 KB (I3). */
export const MAX_WINDOW = 512;

/** Sizes that a session keeps from its beginning. */
export interface ExecutorSettings {
  /** Batches in flight at most (I13). */
  readonly maxInFlight: number;
  /** Rows of the source between checkpoints. */
  readonly checkpointInterval: number;
  /** How often the process may die on a batch before that batch is held to be the cause; from 2. */
  readonly maxDeaths: number;
}

/** The process died again and again, perhaps because of a batch; see `suspicion.ts`. */
export interface PoisonSuspects {
  /** In a row. */
  readonly deaths: number;
  /** The first and the last batch that were in flight at each of them. */
  readonly from: number;
  readonly to: number;
}

/** What is under way. An object of its own: V8 copies a context of more than some eighteen keys twenty times slower, and
 * every `assign` copies it. */
export interface Activity {
  readonly reading: boolean;
  readonly writing: boolean;
  /** A flush and its checkpoint are under way: never two (I6). */
  readonly committing: boolean;
  /** Time asks for a checkpoint. */
  readonly commitDue: boolean;
  /** A checkpoint has just been saved: rows ask for none until the disk has rested. */
  readonly resting: boolean;
  readonly pausing: boolean;
  /** The source has ended. */
  readonly exhausted: boolean;
  /** Everything is in sink and checkpoint: only publishing is left. */
  readonly sealed: boolean;
  readonly publishing: boolean;
  readonly published: boolean;
  /** Rebuilt from a stored snapshot: this process has not opened the session yet. */
  readonly restored?: true;
}

/** All that the executor knows: references and figures, never rows (I3). */
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
  readonly flow: Activity;
  /** Handed to the sink. */
  readonly written: CheckpointMark;
  /** What the flush under way covers; null when there is none. */
  readonly flushing: CheckpointMark | null;
  /** Durable in the sink: what a snapshot can be resumed from. */
  readonly flushed: CheckpointMark;
  /** Batches that are durable in the sink and covered by a checkpoint: the watermark (I5). */
  readonly committed: number;
  readonly error: ErrorData | null;
  /** Null when the last process ended in order. */
  readonly suspicion: PoisonSuspects | null;
}

/** What a completed run puts out. */
export interface ExecutorOutput {
  readonly sessionId: string;
  /** The run ended, and errors did not leave it without any output. */
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

/** The mark after `facts`, which end before batch `batches`. */
export function advanceMark(mark: CheckpointMark, batches: number, facts: WrittenCounters): CheckpointMark {
  return {
    ...mark,
    batches,
    rowsIn: mark.rowsIn + facts.rowsIn,
    rowsOut: mark.rowsOut + facts.rowsOut,
    malformed: mark.malformed + facts.malformed,
    done: facts.done,
    source: facts.source,
    stages: mark.stages.map((tally, i) => addStageCounters(tally, facts.stages[i])),
    losses: facts.losses.total === 0 ? mark.losses : addLosses(mark.losses, facts.losses),
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

/** Where `reason` stands in the table, adding it while there is room; the last place is for all others. */
export function reasonIndex(reasons: string[], reason: string): number {
  const known = reasons.indexOf(reason);
  if (known >= 0) return known;
  if (reasons.length < MAX_REASONS - 1) return reasons.push(reason) - 1;
  if (reasons.length === MAX_REASONS - 1) reasons.push('another reason');
  return MAX_REASONS - 1;
}
