/** Converts an XState 5 snapshot to the JSON of an XState 4 `State`. */
import type { FollowedActor } from '../bridge/actor-tree.js';
import { contextOf, eventOf } from '../bridge/plain.js';
import { classicEventType } from './definition.js';

/** The input of `State.create` and `machine.resolveState`. */
export interface ClassicState {
  readonly value: unknown;
  readonly context: unknown;
  readonly event: ClassicEvent;
  readonly _event: ScxmlEvent;
  /** The `origin` of a viewer's events. */
  readonly _sessionid: string;
  readonly done: boolean;
  readonly changed: boolean;
  readonly tags: readonly string[];
  readonly actions: readonly never[];
  readonly activities: Readonly<Record<string, never>>;
  readonly children: Readonly<Record<string, never>>;
  readonly events: readonly never[];
  readonly meta: Readonly<Record<string, never>>;
  readonly transitions: readonly never[];
}

export interface ClassicEvent {
  readonly type: string;
}

interface ScxmlEvent {
  readonly name: string;
  readonly data: ClassicEvent;
  readonly $$type: 'scxml';
  readonly type: 'external';
}

export function classicState(actor: FollowedActor, sessionId: string): ClassicState {
  const { value, status, tags } = actor.snapshot;
  const event = classicEvent(actor);
  return {
    value,
    context: contextOf(actor),
    event,
    _event: { name: event.type, data: event, $$type: 'scxml', type: 'external' },
    _sessionid: sessionId,
    done: status === 'done',
    changed: true,
    tags: [...(tags ?? [])],
    actions: [],
    activities: {},
    children: {},
    events: [],
    meta: {},
    transitions: [],
  };
}

export function classicEvent(actor: FollowedActor): ClassicEvent {
  const event = eventOf(actor);
  return { ...event, type: classicEventType(event.type) };
}
