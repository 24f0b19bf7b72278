/** The delay before the next attempt: exponential backoff with "equal jitter" (M. Brooker, "Exponential Backoff and
 * Jitter", AWS Architecture Blog, 2015). Random numbers are injected (I14). */
import type { Random } from '../platform/clock.js';
import type { CheckedRetry } from './stage.js';

/** @param attempt the attempt that failed, from 1
 * @returns milliseconds from 0 to `maxDelayMs`: `initialDelayMs * factor^(attempt-1)` at most `maxDelayMs`; with
 * `jitter` between half of it and the whole. */
export function retryDelayMs(retry: CheckedRetry, attempt: number, random: Random): number {
  const { initialDelayMs, maxDelayMs, factor, jitter } = retry;
  // 0 * Infinity is NaN: without an initial delay there is none, however large the power.
  const grown = initialDelayMs === 0 ? 0 : initialDelayMs * factor ** (attempt - 1);
  const delayMs = Math.min(maxDelayMs, grown);
  return jitter ? delayMs / 2 + (delayMs / 2) * random() : delayMs;
}

/** Timers hold 31 bits on every platform. */
const MAX_TIMER_MS = 2_147_483_647;
/** Of a server's wish; milliseconds at most. */
const WISH_JITTER = 0.1;
const MAX_WISH_JITTER_MS = 2_000;

/** The delay that a server asked for. With `jitter`, up to a tenth more, so that batches that were refused together do not come
 * back together.
 * @param afterMs milliseconds from 0
 * @returns milliseconds; 0 stays 0. */
export function wishedDelayMs(retry: CheckedRetry, afterMs: number, random: Random): number {
  const jitterMs = retry.jitter ? Math.min(MAX_WISH_JITTER_MS, afterMs * WISH_JITTER) * random() : 0;
  return Math.min(MAX_TIMER_MS, afterMs + jitterMs);
}
