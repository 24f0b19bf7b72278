/**
 * Adaptive concurrency: how many batches, or calls, a stage works on at once, between `min` and `max`. Pure.
 *
 * Additive increase, multiplicative decrease (Chiu and Jain, 1989), on explicit signals: answers 429, 503 and 529, and timeouts.
 * Latency is no signal: it follows the length of the answer.
 *
 * 1. It begins at `min`. Until the first overload it grows by one with each success, then by one with as many successes as there
 *    are slots. It grows only while at least half of the slots are in use.
 * 2. An overload takes it to 0.9, and takes away at least one slot.
 * 3. Overloads within 200 ms count as one.
 */

/** The bounds. */
export interface ConcurrencyRange {
  /** Batches at once, from 1: where it begins, and never less. */
  readonly min: number;
  /** Never more. */
  readonly max: number;
}

/** Bounds and state. */
export interface AdaptiveConcurrency extends ConcurrencyRange {
  /** Since the last change. */
  readonly successes: number;
  /** Milliseconds since the epoch; null: no overload so far. */
  readonly overloadedAt: number | null;
}

/** What a change leads to. */
export interface Adapted {
  readonly concurrency: number;
  readonly adaptive: AdaptiveConcurrency;
}

const DECREASE = 0.9;
/** Milliseconds in which overloads count as one. */
const BURST_MS = 200;

export const beginAdaptive = ({ min, max }: ConcurrencyRange): Adapted => ({
  concurrency: min,
  adaptive: { min, max, successes: 0, overloadedAt: null },
});

/** @param inUse slots in use, that of the success included */
export function onSuccess({ concurrency, adaptive }: Adapted, inUse: number): Adapted {
  if (concurrency >= adaptive.max || inUse * 2 < concurrency) return { concurrency, adaptive };
  const successes = adaptive.successes + 1;
  const needed = adaptive.overloadedAt === null ? 1 : concurrency;
  if (successes < needed) return { concurrency, adaptive: { ...adaptive, successes } };
  return { concurrency: concurrency + 1, adaptive: { ...adaptive, successes: 0 } };
}

/** @param at milliseconds since the epoch */
export function onOverload({ concurrency, adaptive }: Adapted, at: number): Adapted {
  const { overloadedAt, min } = adaptive;
  if (overloadedAt !== null && Math.abs(at - overloadedAt) < BURST_MS) return { concurrency, adaptive };
  const reduced = Math.min(concurrency - 1, Math.floor(concurrency * DECREASE));
  return {
    concurrency: Math.max(min, reduced),
    adaptive: { ...adaptive, successes: 0, overloadedAt: at },
  };
}

/** Other bounds; the concurrency stays where they allow it. */
export function withRange({ concurrency, adaptive }: Adapted, { min, max }: ConcurrencyRange): Adapted {
  return {
    concurrency: Math.min(max, Math.max(min, concurrency)),
    adaptive: { ...adaptive, min, max, successes: 0 },
  };
}
