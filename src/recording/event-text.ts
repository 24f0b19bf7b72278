/** JSON text of events, clipped to about 4 KB. */
import { jsonText, stringText } from './json-text.js';

/** Characters of an event's text. */
const MAX_EVENT = 4096;
const MAX_ITEMS = 16;
const MAX_DEPTH = 4;

/** A machine event.
 * @param known types whose payload is recorded: those that the machine reacts to. */
export function eventText(event: { readonly type: string }, known: ReadonlySet<string>): string {
  return known.has(event.type) ? clippedEventText(event) : `{"type":${stringText(event.type)}}`;
}

export function clippedEventText(event: { readonly type: string }): string {
  const text = jsonText(event);
  if (text.length <= MAX_EVENT) return text;
  const shorter = jsonText({ ...(clipped(event, MAX_DEPTH) as object), clipped: true });
  return shorter.length <= MAX_EVENT ? shorter : jsonText({ type: event.type, clipped: true });
}

function clipped(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' && value.length > 100 ? `${value.slice(0, 99)}…` : value;
  }
  if (depth === 0) return '…';
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  const kept = entries.map(([key, item]) => [key, clipped(item, depth - 1)] as const);
  return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept);
}
