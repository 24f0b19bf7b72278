import type { Clock } from '../../../platform/clock.js';

/** Timers that are stopped together. */
export class Timers {
  readonly #stops = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  arm(delayMs: number, callback: () => void): void {
    const stop = this.clock.setTimer(() => {
      this.#stops.delete(stop);
      callback();
    }, delayMs);
    this.#stops.add(stop);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}
