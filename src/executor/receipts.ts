/** What whoever gave a command, or waits for a run, is given when it has ended. */
import type { CheckpointMark, ExecutorContext } from '../../machines/context.js';
import { NoUsableOutputError } from '../errors.js';
import type { Run } from './session/run.js';

/** What `pause` resolves to, when it is all true (I16). */
export interface PauseReceipt {
  readonly sessionId: string;
  /** Batches in sink and checkpoint. */
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Where the sink stands; null when nothing was written. */
  readonly sinkPosition: CheckpointMark['sink'];
}

/** What `cancel` resolves to: what the kept checkpoint covers. */
export type CancelReceipt = PauseReceipt;

export function figuresOf({ batches, rowsIn, rowsOut }: CheckpointMark) {
  return { batches, rowsIn, rowsOut };
}

export function receiptOf(context: ExecutorContext): PauseReceipt {
  const { sessionId, flushed } = context;
  return { sessionId, ...figuresOf(flushed), sinkPosition: flushed.sink };
}

/** The error as it was thrown, wherever that was (I12). */
export function originalError(context: ExecutorContext, run: Run | undefined): unknown {
  if (context.error?.code === 'NO_USABLE_OUTPUT') {
    const { losses } = context.flushed;
    return new NoUsableOutputError(
      `${context.error.message} ${losses.total} ${losses.total === 1 ? 'row was' : 'rows were'} lost; first reason: ${losses.reasons[0] ?? 'unknown'}`,
    );
  }
  return run?.failure ?? run?.rows?.lastFailure ?? new Error(context.error?.message ?? 'The run failed.');
}
