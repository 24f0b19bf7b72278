/**
 * Limits how often changes are reported: all changes of an interval together, the first one after a quiet time at once.
 */

/** Injected time. The `Clock` of xstate-pipeline is assignable. */
export interface Timers {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now. The returned function cancels it. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

export const systemTimers: Timers = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    // A pending report must not keep the process running.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export class Throttle<T> {
  readonly #changed = new Set<T>();
  #cancel: (() => void) | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly intervalMs: number,
    private readonly report: (item: T) => void,
  ) {}

  mark(item: T): void {
    this.#changed.add(item);
    if (this.#cancel === undefined) this.#reportAll();
  }

  /** Drops the pending change of `item`. */
  forget(item: T): void {
    this.#changed.delete(item);
  }

  /** Drops all pending changes. */
  clear(): void {
    this.#changed.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #reportAll(): void {
    const items = [...this.#changed];
    this.#changed.clear();
    this.#cancel =
      items.length === 0
        ? undefined
        : this.timers.setTimer(() => {
            this.#cancel = undefined;
            this.#reportAll();
          }, this.intervalMs);
    for (const item of items) this.report(item);
  }
}
