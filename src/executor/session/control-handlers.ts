/** Commands of other processes to the owner of a session, received over the session's lock (I10). */
import type { ExecutorContext, ExecutorState, JsonObject } from '../../../machines/context.js';
import type { LockHandlers } from '../../checkpoint/lock/lock.js';
import type { CancelReceipt, PauseReceipt } from '../receipts.js';
import type { Tuning } from './tune.js';

/** The part of an executor's actions that other processes may reach. */
interface ControlledRun {
  readonly state: ExecutorState;
  readonly context: ExecutorContext;
  readonly session: { readonly elapsedMs: number | undefined } | undefined;
  pause(): Promise<PauseReceipt>;
  cancel(): Promise<CancelReceipt>;
  tune(tuning: unknown): Tuning;
  readonly recordings: { startOnDemand(): Promise<JsonObject> };
}

export function controlHandlers(actions: ControlledRun): Required<LockHandlers> {
  return {
    pause: async () => ({ ...(await actions.pause()) }),
    tune: async (tuning) => ({ ...actions.tune(tuning) }) as JsonObject,
    cancel: async () => ({ ...(await actions.cancel()) }),
    record: () => actions.recordings.startOnDemand(),
    async status(): Promise<JsonObject> {
      const { sessionId, pipeline, flushed, written, window, activity } = actions.context;
      return {
        sessionId,
        pipeline,
        state: actions.state,
        pausing: activity.goal === 'pause' && actions.state === 'EXECUTING',
        batchesInFlight: window.length,
        batches: flushed.batches,
        rowsIn: written.rowsIn,
        rowsOut: written.rowsOut,
        elapsedMs: Math.round(actions.session?.elapsedMs ?? flushed.elapsedMs),
      };
    },
  };
}
