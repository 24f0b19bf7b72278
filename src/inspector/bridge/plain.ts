/**
 * Actors as bounded JSON. An event that the machine does not handle is reduced to its type. Unless asked for, messages of
 * errors are left out, because they may quote rows.
 */
import { eventText } from '../../recording/event-text.js';
import { jsonText } from '../../recording/json-text.js';
import type { FollowedActor } from './actor-tree.js';

/** Characters of a context. */
const MAX_CONTEXT = 256 * 1024;
const knownEvents = new WeakMap<object, ReadonlySet<string>>();

/** As plain data. */
export function contextOf({ snapshot, hasMessages }: FollowedActor): unknown {
  const context = plain(snapshot.context);
  return hasMessages ? context : withoutMessages(context);
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
export function eventOf({ machine, event, hasMessages }: FollowedActor): { type: string } {
  let known = knownEvents.get(machine);
  if (known === undefined) {
    known = new Set(machine.events);
    knownEvents.set(machine, known);
  }
  try {
    const told = JSON.parse(eventText(event, known));
    return hasMessages ? told : (withoutMessages(told) as { type: string });
  } catch {
    return { type: event.type };
  }
}

const LEFT_OUT = '(left out)';
/** Texts that may quote rows: of an error, and of the reason of a pause. */
const TEXTS: ReadonlySet<string> = new Set(['message', 'stack', 'cause']);

function withoutMessages(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMessages);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).map(([key, item]) => {
    if (TEXTS.has(key)) return [key, LEFT_OUT] as const;
    // `losses.reasons`: `CODE: message`.
    if (key === 'reasons' && Array.isArray(item)) return [key, item.map(codeOf)] as const;
    return [key, withoutMessages(item)] as const;
  });
  return Object.fromEntries(kept);
}

const codeOf = (reason: unknown): string => `${/^[\w.]*/.exec(String(reason))?.[0] ?? ''}: ${LEFT_OUT}`;
