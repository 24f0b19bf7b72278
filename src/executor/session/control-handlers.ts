/** Commands of other processes to the owner of a session, received over the session's lock (I10). */
import type { ExecutorContext, ExecutorState, JsonObject } from '../../../machines/context.js';
import type { LockHandlers } from '../../checkpoint/lock/lock.js';
import { IllegalCommandError } from '../../errors.js';
import { type AskableSnapshot, legalCommands } from '../commands.js';

/** The part of an executor's actions that other processes may reach. */
interface ControlledRun {
  readonly snapshot: AskableSnapshot;
  readonly state: ExecutorState;
  readonly context: ExecutorContext;
  readonly actor: { send(event: { readonly type: 'pause' | 'cancel' }): void };
  readonly session: { readonly elapsedMs: number | undefined } | undefined;
  readonly promises: { expectPause(): Promise<object>; expectCancel(): Promise<object> };
  readonly recordings: { startOnDemand(): Promise<JsonObject> };
}

export function controlHandlers(actions: ControlledRun): Required<LockHandlers> {
  const assertLegal = (command: 'pause' | 'cancel') => {
    const legal = legalCommands(actions.snapshot);
    if (!legal.includes(command)) throw new IllegalCommandError(command, actions.state, legal);
  };
  return {
    async pause() {
      assertLegal('pause');
      const receipt = actions.promises.expectPause();
      actions.actor.send({ type: 'pause' });
      return { ...(await receipt) };
    },
    async cancel() {
      assertLegal('cancel');
      const receipt = actions.promises.expectCancel();
      actions.actor.send({ type: 'cancel' });
      return { ...(await receipt) };
    },
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
