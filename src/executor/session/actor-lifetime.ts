/**
 * The actor is the run (I28): when an executor's actor ends, its work ends, too.
 *
 * Calls in: XState, through the machine's `start` and `transition`. Calls out: `ExecutorActions.stopRun`.
 *
 * XState stops an actor with the event `xstate.stop`: at `actor.stop()`, when a parent leaves the invoking state or ends, when a
 * component unmounts. React's StrictMode starts the same actor again in the same task: then the work continues.
 */
import type { AnyActorLogic, AnyMachineSnapshot } from 'xstate';
import type { ExecutorContext, ExecutorState } from '../../../machines/context.js';

interface Scope {
  readonly self: object;
}

/** The part of an executor's actions that ends with its actor. */
interface StoppableRun {
  stopRun(state: ExecutorState, context: ExecutorContext): void;
}

/** @param known undefined: the actor has executed no action. */
export function endRunsWithActors(machine: object, known: (actor: object) => StoppableRun | undefined): void {
  const logic = machine as AnyActorLogic;
  const { start, transition } = logic;
  const stopped = new WeakSet<object>();
  logic.start = (snapshot, scope) => {
    stopped.delete((scope as Scope).self);
    start?.call(logic, snapshot, scope);
  };
  logic.transition = (snapshot, event, scope) => {
    if (event.type === 'xstate.stop') {
      const { self } = scope as Scope;
      const { value, context } = snapshot as AnyMachineSnapshot;
      stopped.add(self);
      queueMicrotask(() => {
        if (stopped.has(self)) known(self)?.stopRun(value as ExecutorState, context as ExecutorContext);
      });
    }
    return transition.call(logic, snapshot, event, scope);
  };
}

/** The parent of an actor: not part of XState's types. */
export function parentOf(actor: object): { send(event: object): void } | undefined {
  return (actor as { readonly _parent?: { send(event: object): void } })._parent;
}

/** Sends the error of a failed or cancelled run to the actor's observers: XState's `toPromise` and `waitFor` reject. The actor
 * continues: FAILED and IDLE accept commands. */
export function notifyObservers(actor: object, error: unknown): void {
  const { observers } = actor as { readonly observers?: ReadonlySet<{ error?(error: unknown): void }> };
  for (const observer of observers ?? []) {
    try {
      observer.error?.(error);
    } catch {
      // An observer cannot harm the run (I11).
    }
  }
}
