/**
 * Poison isolation: finds the batch that crashes the process, from the batches in flight at each crash.
 *
 * 1. Suspects are the batches that were in flight at every crash in a row. A crash with nothing in flight, or after the
 *    suspects were committed, adds no suspect.
 * 2. Before the last of `maxCrashes` crashes, suspects are isolated: processed and committed one at a time.
 * 3. A batch is quarantined when it alone was in flight at the last of `maxCrashes` crashes.
 */
import type { ExecutorContext, PoisonSuspects } from './context.js';

/** The suspects after a crash. Pure.
 * @param previous the suspects when the crashed process began.
 * @param watermark the first batch that is not committed.
 * @param last the last batch that the process read; undefined: it read none. */
export function updateSuspects(
  previous: PoisonSuspects | null,
  watermark: number,
  last: number | undefined,
): PoisonSuspects | null {
  const standing = previous !== null && previous.to >= watermark ? previous : null;
  if (last === undefined || last < watermark) return standing;
  if (standing === null || standing.from > last) return { crashes: 1, from: watermark, to: last };
  return {
    crashes: standing.crashes + 1,
    from: Math.max(standing.from, watermark),
    to: Math.min(standing.to, last),
  };
}

/** Suspects are processed one at a time, until the last of them is committed. */
export function isIsolating({ suspects, settings }: ExecutorContext): boolean {
  return suspects !== null && suspects.crashes >= settings.maxCrashes - 1;
}

/** The next batch is quarantined. */
export function isQuarantined({ suspects, settings, next }: ExecutorContext): boolean {
  if (suspects === null || suspects.crashes < settings.maxCrashes) return false;
  return suspects.from === next && suspects.to === next;
}

/** The next attempt at a batch. Attempts are counted across crashes if only this batch was in flight. */
export function firstAttempt({ suspects }: ExecutorContext, batch: number): number {
  return suspects !== null && suspects.from === batch && suspects.to === batch ? suspects.crashes + 1 : 1;
}
