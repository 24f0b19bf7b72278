/** Whether a service refused a call because of its load or its rate, and for how long it asked to wait. */
import { httpAnswerOf } from './http-answer.js';
import { retryAfterMs } from './retry-after.js';

/** Too many requests; service unavailable; overloaded (Anthropic). */
const OVERLOADED = new Set([429, 503, 529]);
/** Milliseconds: the longest wait that is believed. */
const MAX_WAIT_MS = 300_000;

/** A service refused a call. */
export interface Refusal {
  /** Milliseconds from 0; undefined: the service names no time. */
  readonly afterMs: number | undefined;
}

/** Reads an error by its shape, as `httpErrors()` does.
 * @param now milliseconds since the epoch
 * @returns undefined: the error is no refusal because of load. */
export function refusalOf(error: unknown, now: number): Refusal | undefined {
  const answer = httpAnswerOf(error);
  if (answer === undefined || !OVERLOADED.has(answer.status)) return undefined;
  const asked = retryAfterMs(answer.headers, answer.status, now);
  return { afterMs: asked === undefined ? undefined : Math.min(asked, MAX_WAIT_MS) };
}
