/** Progress as a stream: rows, rate, fraction done, time left, metrics per stage. A late subscriber gets the latest value. */
import type { Observable } from 'rxjs';
import type { ExecutorState } from '../../../machines/context.js';
import type { Clock } from '../../platform/clock.js';
import { type Reduced, viewOf } from '../latest.js';
import type { RunFigures, StageFigures } from './run-metrics.js';

/** How far a stage is. */
export interface StageProgress extends Omit<StageFigures, 'busyMs' | 'deferred'> {
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
  /** `at`: milliseconds since the epoch. */
  readonly lastCheckpoint?: { readonly at: number; readonly bytes: number; readonly durationMs: number };
}

/** Computed only for subscribers: one on subscription, then one per event. How often to look is the subscriber's affair
 * (`auditTime`, `sample`). */
export function progressOf(figures: Reduced<RunFigures>, clock: Clock): Observable<Progress> {
  return viewOf(figures, (latest) => progressAt(latest, clock.now()));
}

/** The figures as seen at a moment: pure. @param now Milliseconds since the epoch. */
export function progressAt(figures: RunFigures, now: number): Progress {
  const running = figures.runningSince !== undefined;
  const elapsedMs = elapsedAt(figures, now);
  const sample = figures.samples[0];
  const windowMs = sample === undefined ? 0 : now - sample.at;
  const total = figures.total;
  const fraction = fractionOf(figures);
  return {
    state: figures.state,
    pipeline: figures.pipeline,
    sessionId: figures.sessionId,
    rowsIn: figures.rowsIn,
    rowsOut: figures.rowsOut,
    rowsSkipped: figures.rowsSkipped,
    rowsDeadLettered: figures.rowsDeadLettered,
    retries: figures.retries,
    rowsPerSecond:
      running && sample !== undefined
        ? perSecond(figures.rowsIn - sample.rowsIn, windowMs)
        : perSecond(figures.rowsIn - figures.rowsInBefore, elapsedMs),
    fraction,
    etaMs: running && total !== undefined ? etaAt(figures, total.value, now) : undefined,
    committedBatches: figures.committed.batches,
    elapsedMs,
    stages: figures.stages.map((stage, index) => ({
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
    ...(figures.lastCheckpoint === undefined ? {} : { lastCheckpoint: figures.lastCheckpoint }),
  };
}

/** Milliseconds in which the run was going. */
export function elapsedAt(figures: RunFigures, now: number): number {
  return figures.ranMs + (figures.runningSince === undefined ? 0 : Math.max(0, now - figures.runningSince));
}

export function perSecond(count: number, ms: number): number {
  return ms > 0 ? Math.max(0, (count * 1000) / ms) : 0;
}

function fractionOf({ total, state, committed }: RunFigures): number | undefined {
  if (state === 'COMPLETED') return 1;
  if (total === undefined) return undefined;
  return total.value > 0 ? Math.min(1, Math.max(0, committed.done / total.value)) : 0;
}

/** From the last commits. Between two of them it counts down; when the next is overdue, it grows. */
function etaAt({ commits, committed }: RunFigures, total: number, now: number): number | undefined {
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
