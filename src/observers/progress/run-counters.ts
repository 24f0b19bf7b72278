/** The counters of a run at one moment. `reduce-progress.ts` updates them by events. Never changed in place. */
import type { ExecutorState } from '../../../machines/context.js';
import type { SpendingTotals } from '../../spending/ledger.js';
import type { PipelineEventOf, StageCounters } from '../events.js';

/** One stage, as far as it has come. */
export interface StageProgressCounters extends StageCounters {
  /** Attempts running now. */
  readonly inFlight: number;
  /** Batches that wait for a permit of a limiter. */
  readonly deferred: readonly number[];
  /** Rows that failed for good, whatever became of them. */
  readonly failed: number;
}

/** Shared: nearly no stage has any. */
export const NO_BATCHES: readonly number[] = [];

/** Where the run stood at some time: rates are differences of two of these. */
export interface Sample {
  readonly at: number;
  readonly rowsIn: number;
  readonly stages: readonly StageProgressCounters[];
}

export interface Committed {
  readonly at: number;
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly done: number;
}

export interface RunCounters {
  readonly state: ExecutorState;
  readonly pipeline: string;
  readonly sessionId: string;
  readonly traceId: string | undefined;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly rowsSkipped: number;
  readonly rowsDeadLettered: number;
  readonly retries: number;
  readonly stages: readonly StageProgressCounters[];
  readonly total: PipelineEventOf<'pipeline.started'>['total'];
  readonly committed: Committed;
  readonly lastCheckpoint:
    | { readonly at: number; readonly bytes: number; readonly durationMs: number }
    | undefined;
  readonly spending: SpendingTotals | undefined;
  /** Of the latest event. */
  readonly at: number;
  /** Rows of the session before this process; a rate counts from here. */
  readonly rowsInBefore: number;
  /** Milliseconds in which the run was going, up to `runningSince`. */
  readonly ranMs: number;
  /** Undefined while it is not going. */
  readonly runningSince: number | undefined;
  readonly samples: readonly Sample[];
  readonly commits: readonly Committed[];
}

const NOTHING_COMMITTED: Committed = { at: 0, batches: 0, rowsIn: 0, rowsOut: 0, done: 0 };

export const NO_RUN_COUNTERS: RunCounters = {
  state: 'IDLE',
  pipeline: '',
  sessionId: '',
  traceId: undefined,
  rowsIn: 0,
  rowsOut: 0,
  rowsSkipped: 0,
  rowsDeadLettered: 0,
  retries: 0,
  stages: [],
  total: undefined,
  committed: NOTHING_COMMITTED,
  lastCheckpoint: undefined,
  spending: undefined,
  at: 0,
  rowsInBefore: 0,
  ranMs: 0,
  runningSince: undefined,
  samples: [],
  commits: [],
};

/** A copy with other counters of batches. */
export function stageWith(
  before: StageProgressCounters,
  inFlight: number,
  batches: number,
  rowsIn: number,
  rowsOut: number,
  busyMs: number,
): StageProgressCounters {
  return {
    stage: before.stage,
    batches,
    rowsIn,
    rowsOut,
    skipped: before.skipped,
    deadLettered: before.deadLettered,
    retries: before.retries,
    busyMs,
    inFlight,
    deferred: before.deferred,
    failed: before.failed,
  };
}

/** A copy after a batch has moved. */
export function countersWith(
  before: RunCounters,
  at: number,
  rowsIn: number,
  rowsOut: number,
  stages: readonly StageProgressCounters[],
  samples: readonly Sample[],
): RunCounters {
  return {
    state: before.state,
    pipeline: before.pipeline,
    sessionId: before.sessionId,
    traceId: before.traceId,
    rowsIn,
    rowsOut,
    rowsSkipped: before.rowsSkipped,
    rowsDeadLettered: before.rowsDeadLettered,
    retries: before.retries,
    stages,
    total: before.total,
    committed: before.committed,
    lastCheckpoint: before.lastCheckpoint,
    spending: before.spending,
    at,
    rowsInBefore: before.rowsInBefore,
    ranMs: before.ranMs,
    runningSince: before.runningSince,
    samples,
    commits: before.commits,
  };
}
