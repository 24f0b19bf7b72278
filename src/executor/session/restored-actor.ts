/**
 * An actor that XState restores from a persisted snapshot continues from the stored session (I18, I28).
 *
 * Calls in: XState, through the machine's `restoreSnapshot` and `start`. Calls out: `ExecutorActions.continueRestored`.
 *
 * The snapshot names the session, and whether it ran, was paused or had failed. All else is read from storage: the snapshot may
 * be of any age. A damaged snapshot, or one of other stages, never reaches XState.
 */
import type { AnyActorLogic } from 'xstate';
import type { ErrorData, ExecutorContext, ExecutorState } from '../../../machines/context.js';
import { initialContext } from '../../../machines/initial-context.js';
import { InvalidSnapshotError } from '../../../machines/restore/fields.js';
import { type RestoredSnapshot, restoreSnapshot } from '../../../machines/restore/restore.js';
import { isSessionId } from '../../checkpoint/session-id.js';
import { errorData } from '../../platform/thrown.js';
import type { AnyStage } from '../../stages/stage.js';
import type { ExecutorActions } from './executor-actions.js';
import { stageInputs } from './stage-inputs.js';

export function continueRestoredActors(
  machine: object,
  stages: readonly AnyStage[],
  actionsOf: (actor: object) => ExecutorActions,
): void {
  const logic = machine as AnyActorLogic;
  const { restoreSnapshot: restore, start } = logic;
  const restored = new WeakSet<object>();
  logic.restoreSnapshot = (persisted, scope) => {
    restored.add((scope as { readonly self: object }).self);
    return restore?.call(logic, continuable(persisted, stages) as never, scope);
  };
  logic.start = (snapshot, scope) => {
    start?.call(logic, snapshot, scope);
    const { self } = scope as { readonly self: object };
    const { value } = snapshot as { readonly value: ExecutorState };
    if (restored.delete(self) || isCutOff(self, value)) actionsOf(self).continueRestored(value);
  };

  /** The actor was stopped, which ended its work, and started again. */
  function isCutOff(self: object, value: ExecutorState): boolean {
    return (value === 'INITIALIZING' || value === 'EXECUTING') && actionsOf(self).session?.isEnding === true;
  }
}

/** A snapshot that can be started: a run in progress is opened again; other states stay. */
function continuable(persisted: unknown, stages: readonly AnyStage[]): RestoredSnapshot {
  try {
    const rebuilt = restoreSnapshot(persisted, stageInputs(stages));
    const { value } = persisted as { readonly value: ExecutorState };
    if (value === 'INITIALIZING' || value === 'EXECUTING') return { ...rebuilt, value: 'INITIALIZING' };
    return value === 'IDLE' ? { ...rebuilt, value: 'IDLE', children: {} } : rebuilt;
  } catch (error) {
    if (!(error instanceof InvalidSnapshotError)) throw error;
    return fromSessionAlone(persisted, stages, errorData(error));
  }
}

/** An unusable snapshot still names its session, which storage has. */
function fromSessionAlone(
  persisted: unknown,
  stages: readonly AnyStage[],
  error: ErrorData,
): RestoredSnapshot {
  const { context } = (persisted ?? {}) as { readonly context?: { readonly sessionId?: unknown } };
  const sessionId = context?.sessionId;
  const isKnown = typeof sessionId === 'string' && isSessionId(sessionId);
  const names = stages.map(({ name }) => name);
  const rebuilt: ExecutorContext = initialContext(names, isKnown ? { sessionId } : {});
  return {
    status: 'active',
    value: isKnown ? 'INITIALIZING' : 'FAILED',
    context: isKnown ? rebuilt : { ...rebuilt, error },
    children: {},
    historyValue: {},
    output: undefined,
    error: undefined,
  };
}
