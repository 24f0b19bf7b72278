/**
 * Reads and writes the line of a step without decoding its outcome: a replay compares two texts, and decodes only if they differ.
 *
 * 1. Equal steps have equal texts: the recorder writes them by the same function.
 * 2. A line in another layout is no `StepLine`: it is decoded and compared as data.
 */
import { isObject, type JsonObject, parseUntrusted } from '../formats/json.js';
import { MAX_DEPTH, MAX_LINE } from './decode.js';
import type { ActorStatus } from './format.js';
import { patchText } from './patch.js';

/** The line of a step, in parts. */
export interface StepLine {
  readonly actor: string;
  /** Null: the step follows from the one before it. */
  readonly event: ({ readonly type: string } & JsonObject) | null;
  /** The text after the event. */
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

/** An event whose text is known already; undefined: it is decoded. */
export type KnownEvent = (actor: string, text: string) => StepLine['event'] | undefined;

/** Undefined: the line must be decoded. */
export function readStepLine(line: string, known?: KnownEvent): StepLine | undefined {
  const start = line.indexOf(ACTOR) + ACTOR.length;
  const end = line.indexOf(EVENT, start);
  const actor = line.slice(start, end);
  if (start < ACTOR.length || end < 0 || actor.includes('"') || actor.includes('\\')) return undefined;
  // If this text is inside the event, the text before it is incomplete JSON, and is decoded.
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

/** The text after the event.
 * @param transition null: the event was ignored. */
export function outcomeText(before: StepEnd, after: StepEnd, transition: number | null): string {
  let text = `,"f":${before.stateText}`;
  if (after.stateText !== before.stateText) text += `,"o":${after.stateText}`;
  if (transition !== null) text += `,"x":${transition}`;
  if (after.status !== before.status) text += `,"st":"${after.status}"`;
  const patch = patchText(before.context, after.context);
  return patch === '' ? `${text}}` : `${text},"p":${patch}}`;
}
