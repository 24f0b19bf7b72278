/** Context and events of a stage's actor: batches by index, never rows (I3). */
import type { AdaptiveConcurrency, ConcurrencyRange } from './adaptive-concurrency.js';
import type { ErrorData } from './context.js';

/** The input of a stage's actor. */
export interface StageInput {
  readonly name: string;
  readonly index: number;
  /** Batches at once; with `adaptive`, at most. */
  readonly concurrency: number;
  /** Bounds of an adaptive concurrency; absent: it is constant. */
  readonly adaptive?: ConcurrencyRange;
  /** The most attempts at a batch, from 1. */
  readonly attempts: number;
}

/** A batch at a stage, with its next or current attempt. */
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

/** The context of a stage's actor: its batches and their states. */
export interface StageActorContext extends Omit<StageInput, 'adaptive'> {
  /** Bounds and state of an adaptive concurrency; absent: it is constant. */
  readonly adaptive?: AdaptiveConcurrency;
  /** `tune` has changed the concurrency; absent: it is the pipeline's. */
  readonly isTuned?: true;
  readonly queue: readonly StageBatch[];
  readonly running: readonly StageBatch[];
  readonly waiting: readonly WaitingBatch[];
  /** Batches that do not start before the run resumes. Undefined: the run is not pausing. */
  readonly held: readonly StageBatch[] | undefined;
  readonly done: number;
  readonly retried: number;
  readonly error: ErrorData | null;
}

/** The outcome of a failed attempt. */
export interface AttemptFailure {
  readonly batch: number;
  readonly attempt: number;
  readonly error: ErrorData;
  /** Milliseconds until the next attempt, if there is one; `dueAt` is that moment. */
  readonly delayMs: number;
  readonly dueAt: number;
  /** No other attempt follows, although some are left. */
  readonly isFinal?: boolean;
}

/** Events of a stage's actor: from the executor, and from its attempts. */
export type StageEvent =
  | {
      readonly type: 'process';
      readonly batches: readonly number[];
      /** The next attempt of each; absent: the first. */
      readonly attempts?: readonly number[];
    }
  | {
      readonly type: 'attempts.done';
      readonly batches: readonly number[];
      /** The sum over all of them. */
      readonly attempt: number;
      /** The last of the fused stages that processed them; absent: this one. */
      readonly through?: number;
    }
  | { readonly type: 'passed'; readonly batches: readonly number[] }
  | ({ readonly type: 'attempt.failed' } & AttemptFailure)
  | ({ readonly type: 'attempt.timedOut' } & AttemptFailure)
  | {
      /** The attempt has no permit, and has not begun. */
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
  /** The attempt does not count, and nothing more begins in this stage until the run resumes. */
  | { readonly type: 'attempt.held'; readonly batch: number; readonly attempt: number }
  /** The run is pausing: batches that wait for another attempt are held. */
  | { readonly type: 'hold' }
  /** The run resumes. */
  | { readonly type: 'release' }
  /** A service refused a call because of its load, or a call timed out. `at`: milliseconds since the epoch. */
  | { readonly type: 'overloaded'; readonly batch: number; readonly at: number }
  | {
      /** A call succeeded. */
      readonly type: 'calls.succeeded';
      readonly batch: number;
      /** Calls at once, this one included. Absent: the stage counts the batches that run. */
      readonly inUse?: number;
    }
  /** Another concurrency: constant, or between bounds. */
  | { readonly type: 'tune'; readonly concurrency: number | ConcurrencyRange }
  | { readonly type: 'abort' };

/** A report of a stage to the executor. */
export type StageReport =
  | {
      readonly type: 'stage.done';
      readonly stage: number;
      readonly batches: readonly number[];
      /** The last stage that has processed them; absent: this one. */
      readonly through?: number;
    }
  /** The stage holds these batches until the run resumes. */
  | { readonly type: 'stage.held'; readonly stage: number; readonly batches: readonly number[] }
  | {
      readonly type: 'stage.failed';
      readonly stage: number;
      readonly batch: number;
      readonly error: ErrorData;
    };

/** The next stage of these batches: the first that has not processed them. */
export const reached = ({ stage, through }: Extract<StageReport, { type: 'stage.done' }>): number =>
  (through ?? stage) + 1;
