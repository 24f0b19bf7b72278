/**
 * Events between the runtime, the executor and its children are sealed: no other code can send them.
 *
 * 1. A seal is membership in a set of this module: it cannot be copied, and is not in the event, a snapshot or a recording.
 * 2. A seal is valid for one delivery. A machine that forwards an event seals it again.
 * 3. The machines seal their messages. The runtime seals its answers, and refuses events without a seal. A machine without the
 *    runtime (a test, `xstate/graph`, a replay) accepts any event.
 */
import type { AnyActorRef } from 'xstate';

const sealed = new WeakSet<object>();

/** Allows one delivery of the event. */
export function sealEvent<Event extends object>(event: Event): Event {
  sealed.add(event);
  return event;
}

/** Removes the event's seal. @returns whether it had one. */
export function takeSeal(event: object): boolean {
  return sealed.delete(event);
}

/** The parent actor. XState does not type it; without one, it sends to the child itself. */
export const parentOf = (self: object): AnyActorRef =>
  (self as { readonly _parent?: AnyActorRef })._parent as AnyActorRef;
