/**
 * The gate of a stage: asked before each of its calls. Only stages with a limit, an estimate or a budget have one.
 *
 * A call of a batch stage has the rows of a batch, or `rowsPerCall` of them. A call of an asynchronous row stage has one row,
 * or `rowsPerCall`.
 *
 * 1. The gate is asked before the call's time begins: a wait is no latency (I22).
 * 2. A call that may begin settles its admission exactly once, however it ended.
 * 3. A call that may not begin is asked about again, in the same attempt. Calls that have ended are not repeated (I20).
 */
import type { HoldReason } from '../../../machines/context.js';
import type { Spending } from '../../spending/spending.js';
import type { AnyStage } from '../stage.js';

/** A call that is about to begin. */
export interface CallRequest {
  readonly stage: AnyStage;
  readonly stageIndex: number;
  readonly batch: number;
  /** Index of the call in the batch, from 0. */
  readonly call: number;
  readonly rows: readonly unknown[];
  /** From 1. */
  readonly attempt: number;
}

/** How a call ended. */
export interface CallOutcome {
  readonly spent: Spending;
  /** What it threw, or what its first failed row threw; absent: no row of it failed. */
  readonly error?: unknown;
}

/** The call may begin. */
export interface Admitted {
  readonly kind: 'go';
  /** The call may begin when it resolves; undefined: at once. */
  readonly ready?: Promise<void> | undefined;
  settle(outcome: CallOutcome): void;
}

/** No permit until then. */
export interface Deferred {
  readonly kind: 'defer';
  /** Milliseconds since the epoch, by the run's clock. */
  readonly dueAt: number;
  /** The name of the limiter. */
  readonly waitingFor: string;
}

/** Nothing more begins until a resume. */
export interface Held {
  readonly kind: 'hold';
  readonly reason: HoldReason;
}

export type Admission = Admitted | Deferred | Held;

export interface CallGate {
  requestCall(request: CallRequest): Admission;
}
