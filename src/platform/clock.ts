/**
 * Time and chance, injected so that a seed reproduces a run (I14).
 *
 * A date comes from `now`, a duration from two readings of `monotonic`: the wall clock may step back at any moment (I27).
 */

/** The only source of time in the product. */
export interface Clock {
  /** Milliseconds since the epoch. Steps back when the system's clock is set. */
  now(): number;
  /** Milliseconds since an arbitrary moment. Never steps back: for durations. */
  monotonic(): number;
  /** Runs `callback` once, `delayMs` from now. The returned function cancels it. */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): () => void;
}

/** How a timer is set. */
export interface TimerOptions {
  /** False: in Node, the process may end before the timer fires. Default true. */
  readonly keepsProcessAlive?: boolean;
}

/** Numbers in [0, 1). */
export type Random = () => number;

/** The system's time. */
export const systemClock: Clock = {
  // A machine without a battery may start before 1970: no checkpoint holds such a date.
  now: () => Math.max(0, Date.now()),
  // Whole milliseconds, so that sums of durations stay whole numbers.
  monotonic: () => Math.floor(performance.now()),
  setTimer(callback, delayMs, { keepsProcessAlive = true } = {}) {
    const timer: unknown = setTimeout(callback, delayMs);
    // A number in a browser.
    if (!keepsProcessAlive && typeof timer === 'object') (timer as { unref?(): void }).unref?.();
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>);
  },
};

/**
 * A seeded generator for reproducible runs (mulberry32, public domain, T. Ettinger).
 * @example
 * const random = seededRandom(42);
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
