/** The receipts of commands, and the error of a failed run. */
import type { CheckpointMark, ExecutorContext, HoldReason } from '../../machines/context.js';
import { NoUsableOutputError } from '../errors.js';
import type { Ledger, SpendingTotals } from '../spending/ledger.js';

/** The receipt of `pause`: all of it is true (I16). */
export interface PauseReceipt {
  readonly sessionId: string;
  /** Committed batches. */
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** The sink's position; null when nothing was written. */
  readonly sinkPosition: CheckpointMark['sink'];
  /** Why the run paused by itself; absent: a command asked for the pause. */
  readonly reason?: HoldReason;
}

/** The receipt of `cancel`: what the kept checkpoint covers. */
export type CancelReceipt = PauseReceipt;

export function countsOf({ batches, rowsIn, rowsOut }: CheckpointMark) {
  return { batches, rowsIn, rowsOut };
}

/** What the session has spent, for an event; nothing where it has spent nothing. */
export function spendingOf(ledger: Ledger | undefined): { readonly spending?: SpendingTotals } {
  return ledger === undefined || ledger.isEmpty ? {} : { spending: ledger.total() };
}

export function receiptOf(context: ExecutorContext): PauseReceipt {
  const { sessionId, flushed, pauseReason } = context;
  const reason = pauseReason === undefined ? {} : { reason: pauseReason };
  return { sessionId, ...countsOf(flushed), sinkPosition: flushed.sink, ...reason };
}

/** The original error (I12).
 * @param thrown undefined: not thrown in this process. */
export function originalError(context: ExecutorContext, thrown: unknown): unknown {
  if (context.error?.code === 'NO_USABLE_OUTPUT') {
    const { losses } = context.flushed;
    return new NoUsableOutputError(
      `${context.error.message} ${losses.total} ${losses.total === 1 ? 'row was' : 'rows were'} lost; first reason: ${losses.reasons[0] ?? 'unknown'}`,
    );
  }
  return thrown ?? new Error(context.error?.message ?? 'The run failed.');
}
