/** What a stage's actor knows, is told, and tells: batches by index, never rows (I3). */
import type { ErrorData } from './context.js';

/** What a stage's actor begins with. */
export interface StageInput {
  readonly name: string;
  readonly index: number;
  readonly concurrency: number;
  /** Attempts in all, from 1. */
  readonly attempts: number;
}

/** A batch at a stage, with the attempt that is next or under way. */
export interface StageBatch {
  readonly batch: number;
  /** From 1. */
  readonly attempt: number;
}

/** A batch that holds no slot: its next attempt is not due yet. */
export interface WaitingBatch extends StageBatch {
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
  /** It waits for a permit of this limiter, and `attempt` has not begun. Absent: `attempt` failed. */
  readonly waitingFor?: string;
}

/** All that a stage's actor knows: which batches it has, and where each stands. */
export interface StageContext extends StageInput {
  readonly queue: readonly StageBatch[];
  readonly running: readonly StageBatch[];
  readonly waiting: readonly WaitingBatch[];
  /** The run is pausing: batches that do not start before it resumes. Undefined: it is not pausing. */
  readonly held: readonly StageBatch[] | undefined;
  readonly done: number;
  readonly retried: number;
  readonly error: ErrorData | null;
}

/** What became of an attempt that went wrong. */
export interface AttemptFailure {
  readonly batch: number;
  readonly attempt: number;
  readonly error: ErrorData;
  /** Milliseconds until the next attempt, if there is one; `dueAt` is that moment. */
  readonly delayMs: number;
  readonly dueAt: number;
  /** There is no other attempt, although some are left. */
  readonly isFinal?: boolean;
}

/** What a stage's actor is told: by the executor, and by the attempts that it has started. */
export type StageEvent =
  | {
      readonly type: 'process';
      readonly batches: readonly number[];
      /** Of each the attempt that is next; absent: the first. */
      readonly attempts?: readonly number[];
    }
  | {
      readonly type: 'attempts.done';
      readonly batches: readonly number[];
      /** Of all of them. */
      readonly attempt: number;
      /** The last stage whose work was done in the same pass; absent: this one. */
      readonly through?: number;
    }
  | { readonly type: 'passed'; readonly batches: readonly number[] }
  | ({ readonly type: 'attempt.failed' } & AttemptFailure)
  | ({ readonly type: 'attempt.timedOut' } & AttemptFailure)
  | {
      /** There is no permit for the attempt, and none of its calls is running: it has not begun. */
      readonly type: 'attempt.deferred';
      readonly batch: number;
      readonly attempt: number;
      /** Milliseconds until it asks again; `dueAt` is that moment. */
      readonly delayMs: number;
      readonly dueAt: number;
      /** Name of the limiter. */
      readonly waitingFor: string;
    }
  | { readonly type: 'retry.due'; readonly batch: number }
  /** The attempt did not take place, or did not count: nothing more may begin in this stage until the run resumes. */
  | { readonly type: 'attempt.held'; readonly batch: number; readonly attempt: number }
  /** The run is pausing: what waits for another attempt stays where it is. */
  | { readonly type: 'hold' }
  /** The run resumes. */
  | { readonly type: 'release' }
  | { readonly type: 'abort' };

/** What a stage tells the executor. */
export type StageReport =
  | {
      readonly type: 'stage.done';
      readonly stage: number;
      readonly batches: readonly number[];
      /** The last stage whose work is done; absent: this one. */
      readonly through?: number;
    }
  /** These batches stay where they are until the run resumes. */
  | { readonly type: 'stage.held'; readonly stage: number; readonly batches: readonly number[] }
  | {
      readonly type: 'stage.failed';
      readonly stage: number;
      readonly batch: number;
      readonly error: ErrorData;
    };

/** The stage of these batches afterwards: the first that has not worked on them. */
export const reached = ({ stage, through }: Extract<StageReport, { type: 'stage.done' }>): number =>
  (through ?? stage) + 1;
