import type { Deferred, Held } from '../../stages/calls/call-gate.js';
import type { InFlightBatch } from './in-flight-batch.js';

/** Counters of one stage in a successful attempt. */
export interface AttemptMetrics {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly durable: boolean;
  /** All of it was taken from the journal, call by call. */
  readonly fromJournal?: boolean;
}

/** An attempt that is not over: calls of it wait for a permit, or may not begin before a resume. */
export type UnfinishedAttempt = Deferred | Held;

/** A successful attempt: the counters of its stage, and of the stages fused with it. */
export interface AttemptOutcome extends AttemptMetrics {
  readonly fused: readonly AttemptMetrics[];
}

export function metricsOf(batch: InFlightBatch, stageIndex: number, durable: boolean): AttemptMetrics {
  const { rowsIn, rowsOut } = batch.countersOf(stageIndex);
  return { rowsIn, rowsOut, durable };
}

const NONE_FUSED: readonly AttemptMetrics[] = [];

export function outcomeOf(batch: InFlightBatch, stageIndex: number, durable: boolean): AttemptOutcome {
  const { rowsIn, rowsOut } = batch.countersOf(stageIndex);
  if (batch.reached <= stageIndex + 1) return { rowsIn, rowsOut, durable, fused: NONE_FUSED };
  const fused: AttemptMetrics[] = [];
  for (let i = stageIndex + 1; i < batch.reached; i++) fused.push(metricsOf(batch, i, false));
  return { rowsIn, rowsOut, durable, fused };
}
