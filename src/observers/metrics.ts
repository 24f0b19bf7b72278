/** The counters of a run, in short. */
import type { SpendingTotals } from '../spending/ledger.js';
import type { StageCounters } from './events.js';
import { elapsedAt, perSecond } from './progress/progress.js';
import type { RunCounters } from './progress/run-counters.js';

/** What a run has done so far, in counters. */
export interface RunMetrics {
  /** Rows that passed the first stage, in the whole session. */
  readonly rowsIn: number;
  /** Rows that left the last stage, in the whole session. */
  readonly rowsOut: number;
  /** Rows left out because of errors. */
  readonly rowsSkipped: number;
  /** Rows that failed for good, whatever became of them. */
  readonly rowsFailed: number;
  /** Rows set aside because of errors. */
  readonly rowsDeadLettered: number;
  /** Batches committed. */
  readonly batches: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** Milliseconds of this process in which the run was going, up to the latest event. */
  readonly durationMs: number;
  /** Rows taken in by this process, over `durationMs`. */
  readonly rowsPerSecond: number;
  readonly stages: readonly StageCounters[];
  /** What the session has spent, over all processes; absent: nothing. In the result of a run, also by stage. */
  readonly spending?: SessionSpending;
}

/** What a session has spent. */
export interface SessionSpending extends SpendingTotals {
  readonly stages?: Readonly<Record<string, SpendingTotals>>;
}

/** Pure. */
export function metricsOf(counters: RunCounters): RunMetrics {
  const durationMs = elapsedAt(counters, counters.at);
  return {
    rowsIn: counters.rowsIn,
    rowsOut: counters.rowsOut,
    rowsSkipped: counters.rowsSkipped,
    rowsFailed: counters.rowsSkipped + counters.rowsDeadLettered,
    rowsDeadLettered: counters.rowsDeadLettered,
    batches: counters.committed.batches,
    retries: counters.retries,
    durationMs,
    rowsPerSecond: perSecond(counters.rowsIn - counters.rowsInBefore, durationMs),
    stages: counters.stages.map(({ inFlight: _, failed: __, deferred: ___, ...stage }) => stage),
    ...(counters.spending === undefined ? {} : { spending: counters.spending }),
  };
}
