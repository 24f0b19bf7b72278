/**
 * The end of a run: the last checkpoint, the events that announce it, and the promises that wait for it.
 *
 * Called by `ExecutorActions` outside the machine's transition. Calls: the session's checkpoint writer and `close`, `publish`,
 * and the pending promises.
 *
 * 1. PAUSED, COMPLETED, FAILED and a cancelled IDLE are announced and promised only when the checkpoint that says so is
 *    saved (I6, I16) and the session is free.
 * 2. A failure keeps the original error for every caller (I12).
 */
import type { ExecutorContext } from '../../../machines/context.js';
import { PipelineCancelledError } from '../../errors.js';
import { type Projection, projectRest } from '../../observers/projection.js';
import type { Logger } from '../../platform/logger.js';
import { errorData } from '../../platform/thrown.js';
import { NOTHING_SPENT, type Spending } from '../../spending/spending.js';
import type { EventDraft } from '../publish.js';
import { countsOf, originalError, receiptOf, spendingOf } from '../receipts.js';
import type { ExecutionResult } from '../result.js';
import type { PendingPromises } from './command-promises.js';
import type { Session } from './opening/session.js';
import type { StoredRecording } from './recording/stored-recording.js';

export type Ending = 'paused' | 'completed' | 'failed' | 'cancelled';

/** A run that has ended, with what it leaves. */
export interface EndedRun extends PendingPromises {
  readonly ending: Ending;
  readonly context: ExecutorContext;
  readonly session: Session | undefined;
  readonly recording: StoredRecording | undefined;
}

export interface ConclusionHost {
  readonly logger: Logger;
  readonly publish: (sessionId: string, draft: EventDraft) => void;
  readonly resultOf: (context: ExecutorContext, session: Session | undefined) => ExecutionResult;
  /** Sends a failure or a cancel to the actor's observers. */
  readonly notifyError: (error: unknown) => void;
}

export async function concludeRun(ended: EndedRun, host: ConclusionHost): Promise<void> {
  const { ending, session, recording } = ended;
  session?.stopTimer();
  // A completed run was stored before it was announced.
  const problem = ending === 'completed' ? undefined : await saveLastCheckpoint(ended, host);
  if (ending === 'paused') return concludePaused(ended, host, problem);
  session?.abort(undefined);
  await recording?.close(ending);
  await session?.close();
  if (ending === 'completed') concludeCompleted(ended, host);
  else if (ending === 'failed') concludeFailed(ended, host);
  else concludeCancelled(ended, host);
}

/** If it cannot be saved, the previous checkpoint remains, which is also true.
 * @returns the error. */
async function saveLastCheckpoint(ended: EndedRun, { logger }: ConclusionHost): Promise<unknown> {
  const { ending, session, context } = ended;
  const writer = session?.parts?.writer;
  if (writer === undefined || (ending !== 'paused' && !writer.hasSaved)) return undefined;
  try {
    await writer.save(undefined, ending === 'cancelled' ? context : undefined);
    return undefined;
  } catch (error) {
    // The error that ended the run is reported once.
    if (error !== session?.thrown)
      logger.warn(`The last checkpoint of the ${ending} run was not saved. The one before it is kept.`, {
        ...errorData(error),
      });
    return error;
  }
}

function projectionOf({ context, session }: EndedRun): { readonly projection?: Projection } {
  const { rowsIn, losses, elapsedMs, done } = context.flushed;
  const total = session?.parts?.source.total?.value;
  if (context.pauseReason?.kind !== 'sample' || total === undefined || total === 0) return {};
  const { certain = NOTHING_SPENT } = session?.parts?.ledger.total() ?? {};
  const projection = projectRest({
    ...{ rowsIn, lost: losses.total, elapsedMs, share: done / total },
    spent: withoutRows(certain),
  });
  return projection === undefined ? {} : { projection };
}

/** Distinguishes rows. */
function withoutRows({ rows: _, ...spent }: Spending): Spending {
  return spent;
}

async function concludePaused(ended: EndedRun, host: ConclusionHost, problem: unknown): Promise<void> {
  const { context, pause, recording, session } = ended;
  await recording?.flush();
  const { pauseReason } = context;
  const reason = pauseReason === undefined ? {} : { reason: pauseReason, ...projectionOf(ended) };
  host.publish(context.sessionId, {
    type: 'pipeline.paused',
    ...countsOf(context.flushed),
    ...reason,
    ...spendingOf(session?.parts?.ledger),
  });
  if (problem === undefined) pause?.resolve(receiptOf(context));
  else pause?.reject(problem);
}

function concludeCompleted({ context, session, outcome, pause }: EndedRun, host: ConclusionHost): void {
  const { sessionId, flushed } = context;
  const result = host.resultOf(context, session);
  for (const counters of flushed.stages)
    host.publish(sessionId, { type: 'stage.completed', stage: counters.stage, counters });
  const { success, isComplete } = result;
  const durationMs = flushed.elapsedMs;
  host.publish(sessionId, {
    type: 'pipeline.completed',
    ...{ success, isComplete, durationMs },
    ...countsOf(flushed),
    ...spendingOf(session?.parts?.ledger),
  });
  pause?.resolve(receiptOf(context));
  outcome.resolve(result);
}

function concludeFailed({ context, session, outcome, pause }: EndedRun, host: ConclusionHost): void {
  const { sessionId, flushed } = context;
  const error = context.error ?? errorData(new Error('unknown'));
  host.publish(sessionId, { type: 'pipeline.failed', error, batches: flushed.batches });
  const original = originalError(context, session?.thrown);
  pause?.reject(original);
  outcome.reject(original);
  host.notifyError(original);
}

function concludeCancelled({ context, outcome, pause, cancel }: EndedRun, host: ConclusionHost): void {
  const { sessionId, flushed } = context;
  host.publish(sessionId, { type: 'pipeline.cancelled', batches: flushed.batches });
  const error = new PipelineCancelledError(sessionId);
  pause?.reject(error);
  cancel?.resolve(receiptOf(context));
  outcome.reject(error);
  host.notifyError(error);
}
