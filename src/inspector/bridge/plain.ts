/** Actors as bounded JSON. An event that the machine does not handle is reduced to its type. */
import { eventText } from '../../recording/event-text.js';
import { jsonText } from '../../recording/json-text.js';
import type { FollowedActor } from './actor-tree.js';

/** Characters of a context. */
const MAX_CONTEXT = 256 * 1024;
const knownEvents = new WeakMap<object, ReadonlySet<string>>();

/** As plain data. */
export function contextOf({ snapshot }: FollowedActor): unknown {
  return plain(snapshot.context);
}

/** As plain data; null for a value that is too large or circular. */
export function plain(value: unknown): unknown {
  try {
    const text = jsonText(value);
    return text.length > MAX_CONTEXT ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** The event that led to the actor's snapshot, as plain data. */
export function eventOf({ machine, event }: FollowedActor): { type: string } {
  let known = knownEvents.get(machine);
  if (known === undefined) {
    known = new Set(machine.events);
    knownEvents.set(machine, known);
  }
  try {
    return JSON.parse(eventText(event, known));
  } catch {
    return { type: event.type };
  }
}
