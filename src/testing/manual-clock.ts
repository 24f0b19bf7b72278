/** A clock for tests. */
import type { Clock } from '../platform/clock.js';

/** A clock that only `advance` moves. */
export interface ManualClock extends Clock {
  /** Advances time and runs each timer that becomes due, at its own time. Milliseconds. */
  advance(ms: number): void;
  /** Steps the wall clock, as NTP does. Timers and durations are not affected.
   * @param ms added to `now()`; negative steps back. */
  stepWallClock(ms: number): void;
  /** Number of timers that are not due yet. */
  readonly pending: number;
  /** When the next timer is due, in milliseconds since the epoch; undefined when none is set. */
  readonly nextAt: number | undefined;
}

/** Creates a clock that only `advance` moves.
 * @param start milliseconds since the epoch. Default 1,000,000.
 * @example
 * const clock = manualClock();
 */
export function manualClock(start = 1_000_000): ManualClock {
  let now = start;
  let step = 0;
  let next = 0;
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now + step,
    monotonic: () => now,
    setTimer(callback, delayMs) {
      const id = next++;
      timers.set(id, { at: now + Math.max(0, delayMs), callback });
      return () => timers.delete(id);
    },
    stepWallClock(ms) {
      step += ms;
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
        if (due === undefined) break;
        const [id, timer] = due;
        timers.delete(id);
        now = timer.at;
        timer.callback();
      }
      now = end;
    },
    get pending() {
      return timers.size;
    },
    get nextAt() {
      return timers.size === 0 ? undefined : step + Math.min(...[...timers.values()].map(({ at }) => at));
    },
  };
}
