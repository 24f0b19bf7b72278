/** Progress as a stream: rows, rate, fraction done, time left, metrics per stage. A late subscriber gets the latest value. */
import type { Observable } from 'rxjs';
import type { ExecutorState } from '../../../machines/context.js';
import type { Clock } from '../../platform/clock.js';
import type { SpendingTotals } from '../../spending/ledger.js';
import { type Reduced, viewOf } from '../latest.js';
import type { RunCounters, StageProgressCounters } from './run-counters.js';

/** How far a stage is. */
export interface StageProgress extends Omit<StageProgressCounters, 'busyMs' | 'deferred'> {
  /** Batches that wait for a permit of a limiter; they are not in flight. */
  readonly awaitingPermit: number;
  /** Rows taken in, over the last few seconds. */
  readonly rowsPerSecond: number;
}

/** How far a run is, and how fast. */
export interface Progress {
  readonly state: ExecutorState;
  /** '' before a run has begun. */
  readonly pipeline: string;
  /** '' before a run has begun. */
  readonly sessionId: string;
  /** Of the session's trace; absent: the run is not traced. */
  readonly traceId?: string;
  /** Rows that passed the first stage, in the whole session. */
  readonly rowsIn: number;
  /** Rows that left the last stage, in the whole session. */
  readonly rowsOut: number;
  /** Rows left out because of errors, those of the source included. */
  readonly rowsSkipped: number;
  readonly rowsDeadLettered: number;
  readonly retries: number;
  /** Rows taken in by this process, over the last few seconds; over the whole of it once the run has stopped. */
  readonly rowsPerSecond: number;
  /** How much of the input lies behind the watermark, 0 to 1; undefined where its size is not known. */
  readonly fraction: number | undefined;
  /** Milliseconds to the end at the rate of the last commits; undefined while unknown or not running. */
  readonly etaMs: number | undefined;
  readonly committedBatches: number;
  /** Milliseconds of this process in which the run was going; pauses do not count. */
  readonly elapsedMs: number;
  readonly stages: readonly StageProgress[];
  /** What the session has spent, as of the last commit; absent: nothing. */
  readonly spending?: SpendingTotals;
  /** `at`: milliseconds since the epoch. */
  readonly lastCheckpoint?: { readonly at: number; readonly bytes: number; readonly durationMs: number };
}

/** Computed only for subscribers: one on subscription, then one per event. How often to look is the subscriber's affair
 * (`auditTime`, `sample`). */
export function progressOf(counters: Reduced<RunCounters>, clock: Clock): Observable<Progress> {
  return viewOf(counters, (latest) => progressAt(latest, clock.now()));
}

/** The counters as seen at a moment: pure. @param now Milliseconds since the epoch. */
export function progressAt(counters: RunCounters, now: number): Progress {
  const running = counters.runningSince !== undefined;
  const elapsedMs = elapsedAt(counters, now);
  const sample = counters.samples[0];
  const windowMs = sample === undefined ? 0 : now - sample.at;
  const total = counters.total;
  const fraction = fractionOf(counters);
  return {
    state: counters.state,
    pipeline: counters.pipeline,
    sessionId: counters.sessionId,
    rowsIn: counters.rowsIn,
    rowsOut: counters.rowsOut,
    rowsSkipped: counters.rowsSkipped,
    rowsDeadLettered: counters.rowsDeadLettered,
    retries: counters.retries,
    rowsPerSecond:
      running && sample !== undefined
        ? perSecond(counters.rowsIn - sample.rowsIn, windowMs)
        : perSecond(counters.rowsIn - counters.rowsInBefore, elapsedMs),
    fraction,
    etaMs: running && total !== undefined ? etaAt(counters, total.value, now) : undefined,
    committedBatches: counters.committed.batches,
    elapsedMs,
    stages: counters.stages.map((stage, index) => ({
      stage: stage.stage,
      batches: stage.batches,
      rowsIn: stage.rowsIn,
      rowsOut: stage.rowsOut,
      inFlight: stage.inFlight,
      awaitingPermit: stage.deferred.length,
      retries: stage.retries,
      skipped: stage.skipped,
      deadLettered: stage.deadLettered,
      failed: stage.failed,
      rowsPerSecond: running ? perSecond(stage.rowsIn - (sample?.stages[index]?.rowsIn ?? 0), windowMs) : 0,
    })),
    ...(counters.traceId === undefined ? {} : { traceId: counters.traceId }),
    ...(counters.spending === undefined ? {} : { spending: counters.spending }),
    ...(counters.lastCheckpoint === undefined ? {} : { lastCheckpoint: counters.lastCheckpoint }),
  };
}

/** Milliseconds in which the run was going. */
export function elapsedAt(counters: RunCounters, now: number): number {
  return (
    counters.ranMs + (counters.runningSince === undefined ? 0 : Math.max(0, now - counters.runningSince))
  );
}

export function perSecond(count: number, ms: number): number {
  return ms > 0 ? Math.max(0, (count * 1000) / ms) : 0;
}

function fractionOf({ total, state, committed }: RunCounters): number | undefined {
  if (state === 'COMPLETED') return 1;
  if (total === undefined) return undefined;
  return total.value > 0 ? Math.min(1, Math.max(0, committed.done / total.value)) : 0;
}

/** From the last commits. Between two of them it counts down; when the next is overdue, it grows. */
function etaAt({ commits, committed }: RunCounters, total: number, now: number): number | undefined {
  const first = commits[0];
  if (first === undefined) return undefined;
  const done = committed.done - first.done;
  const spanMs = committed.at - first.at;
  if (done <= 0 || spanMs <= 0) return undefined;
  const sinceMs = Math.max(0, now - committed.at);
  const overdue = sinceMs > spanMs;
  const remainingMs = ((total - committed.done) * (overdue ? spanMs + sinceMs : spanMs)) / done;
  return Math.max(0, overdue ? remainingMs : remainingMs - sinceMs);
}
