/**
 * The line of a step, read and written without what it says being decoded: a replay compares two texts, and decodes only
 * where they differ.
 *
 * 1. The text of an outcome is the recorder's own, to the last character: the same step has the same text.
 * 2. A line that is written in any other way is no `StepLine`: then it is decoded, and compared as data.
 */
import { isObject, type JsonObject, parseUntrusted } from '../formats/json.js';
import { MAX_DEPTH, MAX_LINE } from './decode.js';
import type { ActorStatus } from './format.js';
import { patchText } from './patch.js';

/** The line of a step, in parts. */
export interface StepLine {
  readonly actor: string;
  /** Null where the step followed from the one before it. */
  readonly event: ({ readonly type: string } & JsonObject) | null;
  /** All that stands after the event. */
  readonly outcome: string;
}

/** An actor before a step, or after it. */
export interface StepEnd {
  /** As JSON. */
  readonly stateText: string;
  readonly status: ActorStatus;
  readonly context: Readonly<Record<string, unknown>>;
}

const LIMITS = { maxLength: MAX_LINE, maxDepth: MAX_DEPTH };

const ACTOR = ',"a":"';
const EVENT = '","e":';

/** What an event says that somebody has already; undefined: it is decoded. */
export type KnownEvent = (actor: string, text: string) => StepLine['event'] | undefined;

/** Undefined: it has to be decoded. */
export function readStepLine(line: string, known?: KnownEvent): StepLine | undefined {
  const start = line.indexOf(ACTOR) + ACTOR.length;
  const end = line.indexOf(EVENT, start);
  const actor = line.slice(start, end);
  if (start < ACTOR.length || end < 0 || actor.includes('"') || actor.includes('\\')) return undefined;
  // Inside the event this stands only where what is before it is no JSON yet.
  const after = line.indexOf(',"f":', end);
  if (after < 0) return undefined;
  const text = line.slice(end + EVENT.length, after);
  const event = known?.(actor, text) ?? eventOf(text);
  return event === undefined ? undefined : { actor, event, outcome: line.slice(after) };
}

function eventOf(text: string): StepLine['event'] | undefined {
  if (text === 'null') return null;
  try {
    const event = parseUntrusted(text, LIMITS);
    return isObject(event) && typeof event.type === 'string' ? (event as StepLine['event']) : undefined;
  } catch {
    return undefined;
  }
}

/** What stands after the event.
 * @param transition null: the event was ignored. */
export function outcomeText(before: StepEnd, after: StepEnd, transition: number | null): string {
  let text = `,"f":${before.stateText}`;
  if (after.stateText !== before.stateText) text += `,"o":${after.stateText}`;
  if (transition !== null) text += `,"x":${transition}`;
  if (after.status !== before.status) text += `,"st":"${after.status}"`;
  const patch = patchText(before.context, after.context);
  return patch === '' ? `${text}}` : `${text},"p":${patch}}`;
}
