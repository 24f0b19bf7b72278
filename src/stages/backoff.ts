/** The delay before the next attempt: exponential backoff with "equal jitter" (M. Brooker, "Exponential Backoff and
 * Jitter", AWS Architecture Blog, 2015). Random numbers are injected (I14). */
import type { Random } from '../platform/clock.js';
import type { RetryOptions } from './stage.js';

/** @param attempt the attempt that failed, from 1
 * @returns milliseconds from 0 to `maxDelayMs`: `initialDelayMs * factor^(attempt-1)` at most `maxDelayMs`; with
 * `jitter` between half of it and the whole. */
export function retryDelayMs(retry: Required<RetryOptions>, attempt: number, random: Random): number {
  const { initialDelayMs, maxDelayMs, factor, jitter } = retry;
  // 0 * Infinity is NaN: without an initial delay there is none, however large the power.
  const grown = initialDelayMs === 0 ? 0 : initialDelayMs * factor ** (attempt - 1);
  const delayMs = Math.min(maxDelayMs, grown);
  return jitter ? delayMs / 2 + (delayMs / 2) * random() : delayMs;
}
