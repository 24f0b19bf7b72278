/**
 * Which batch may have killed the process: worked out from what was in flight at each death.
 *
 * 1. Only batches that were in flight at every one of the deaths in a row are suspected: what kills the process is among
 *    them. A process that died with nothing in flight, or got past them, accuses nobody.
 * 2. After all deaths but one, the suspects are worked on one at a time, so that the next death leaves one of them.
 * 3. A batch is condemned when it alone was in flight at the last of `maxDeaths` deaths.
 */
import type { ExecutorContext, PoisonSuspects } from './context.js';

/** Whom to suspect after a death. Pure.
 * @param previous what the process that died began with.
 * @param watermark the first batch that is not committed.
 * @param last the last batch that it took in; undefined: it took none. */
export function updateSuspects(
  previous: PoisonSuspects | null,
  watermark: number,
  last: number | undefined,
): PoisonSuspects | null {
  const standing = previous !== null && previous.to >= watermark ? previous : null;
  if (last === undefined || last < watermark) return standing;
  if (standing === null || standing.from > last) return { deaths: 1, from: watermark, to: last };
  return {
    deaths: standing.deaths + 1,
    from: Math.max(standing.from, watermark),
    to: Math.min(standing.to, last),
  };
}

/** Suspects are worked on one at a time. */
export function isIsolating({ suspicion, settings }: ExecutorContext): boolean {
  // Until the last of them is committed: then there is no suspicion any more.
  return suspicion !== null && suspicion.deaths >= settings.maxDeaths - 1;
}

/** The next batch is the one. */
export function isQuarantined({ suspicion, settings, next }: ExecutorContext): boolean {
  if (suspicion === null || suspicion.deaths < settings.maxDeaths) return false;
  return suspicion.from === next && suspicion.to === next;
}

/** Attempts are counted across crashes where it is certain which batch was being tried. */
export function firstAttempt({ suspicion }: ExecutorContext, batch: number): number {
  return suspicion !== null && suspicion.from === batch && suspicion.to === batch ? suspicion.deaths + 1 : 1;
}
