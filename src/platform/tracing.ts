/** The seam for tracing: code around each attempt, so that spans of calls inside a stage become its children. */
import type { Logger } from './logger.js';
import { messageOf } from './thrown.js';

/** An attempt of a stage at a batch. */
export interface TracedAttempt {
  readonly sessionId: string;
  /** Name of the stage; with fused stages, of the first one. */
  readonly stage: string;
  /** Index of the batch. */
  readonly batch: number;
  /** From 1, in this process. */
  readonly attempt: number;
}

/** Traces a run; `openTelemetry()` of `xstate-pipeline/otel` makes one. */
export interface Tracing {
  /** Calls `work` once, and returns what it returns. An error of the tracing itself is logged, and the attempt runs all the same. */
  around<R>(attempt: TracedAttempt, work: () => R): R;
  /** The id of a session's trace: in every event as `traceId`, and so in logs, progress and `--json`. */
  traceIdOf?(sessionId: string): string;
}

/** Runs an attempt within the tracing. `work` is called exactly once, whatever the tracing does (I11). */
export function traceAttempt<R>(tracing: Tracing, attempt: TracedAttempt, work: () => R, logger: Logger): R {
  let ended: { readonly value: R } | { readonly error: unknown } | undefined;
  const once = (): R => {
    ended ??= outcomeOf(work);
    if ('error' in ended) throw ended.error;
    return ended.value;
  };
  try {
    tracing.around(attempt, once);
  } catch (error) {
    const isOfWork = ended !== undefined && 'error' in ended && ended.error === error;
    if (!isOfWork) logger.warn(`Tracing of stage "${attempt.stage}" failed: ${messageOf(error)}`);
  }
  return once();
}

function outcomeOf<R>(work: () => R): { readonly value: R } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}
