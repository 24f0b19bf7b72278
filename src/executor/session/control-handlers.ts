/** What the owner of a session answers to other processes, over the session's lock (I10). */
import type { ExecutorContext, ExecutorState, JsonObject } from '../../../machines/context.js';
import type { LockHandlers } from '../../checkpoint/lock/lock.js';
import { IllegalCommandError } from '../../errors.js';
import { type AskableSnapshot, legalCommands } from '../commands.js';

/** The controller, as far as other processes may reach it. */
interface Controlled {
  readonly snapshot: AskableSnapshot;
  readonly state: ExecutorState;
  readonly context: ExecutorContext;
  readonly actor: { send(event: { readonly type: 'pause' | 'cancel' }): void };
  readonly run: { readonly elapsedMs: number } | undefined;
  expectPause(): Promise<object>;
  expectCancel(): Promise<object>;
  readonly recordings: { startOnDemand(): Promise<JsonObject> };
}

export function controlHandlers(controller: Controlled): Required<LockHandlers> {
  const demand = (command: 'pause' | 'cancel') => {
    const legal = legalCommands(controller.snapshot);
    if (!legal.includes(command)) throw new IllegalCommandError(command, controller.state, legal);
  };
  return {
    async pause() {
      demand('pause');
      const receipt = controller.expectPause();
      controller.actor.send({ type: 'pause' });
      return { ...(await receipt) };
    },
    async cancel() {
      demand('cancel');
      const receipt = controller.expectCancel();
      controller.actor.send({ type: 'cancel' });
      return { ...(await receipt) };
    },
    record: () => controller.recordings.startOnDemand(),
    async status(): Promise<JsonObject> {
      const { sessionId, pipeline, flushed, written, window, activity } = controller.context;
      return {
        sessionId,
        pipeline,
        state: controller.state,
        pausing: activity.goal === 'pause',
        batchesInFlight: window.length,
        batches: flushed.batches,
        rowsIn: written.rowsIn,
        rowsOut: written.rowsOut,
        elapsedMs: Math.round(controller.run?.elapsedMs ?? flushed.elapsedMs),
      };
    },
  };
}
