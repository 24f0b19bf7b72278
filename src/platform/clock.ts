/** Time and chance, injected so that a run can be replayed (I14). */

/** The only source of time in the product. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now; the function returned calls it off. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** Numbers in [0, 1). */
export type Random = () => number;

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A small seeded generator (mulberry32, public domain, T. Ettinger) for reproducible runs. */
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
