/** Where a child machine reports to. */
import type { AnyActorRef } from 'xstate';

/** The parent actor. XState does not type it; without one, it sends to the child itself. */
export const parentOf = (self: object): AnyActorRef =>
  (self as { readonly _parent?: AnyActorRef })._parent as AnyActorRef;
