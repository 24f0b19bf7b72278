/**
 * Tells of changes no oftener than viewers can draw them: of everything that has changed since, once an interval; the
 * first change after a quiet time at once.
 */

/** Time, so that tests can move it. `Clock` of xstate-pipeline fits. */
export interface Timers {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now; the function returned calls it off. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

export const systemTimers: Timers = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    // A viewer's next picture keeps no process alive.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export class Pace<T> {
  readonly #changed = new Set<T>();
  #cancel: (() => void) | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly intervalMs: number,
    private readonly tell: (item: T) => void,
  ) {}

  mark(item: T): void {
    this.#changed.add(item);
    if (this.#cancel === undefined) this.#tellAll();
  }

  /** Never mind that this one has changed. */
  forget(item: T): void {
    this.#changed.delete(item);
  }

  /** Never mind any. */
  clear(): void {
    this.#changed.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tellAll(): void {
    const items = [...this.#changed];
    this.#changed.clear();
    this.#cancel =
      items.length === 0
        ? undefined
        : this.timers.setTimer(() => {
            this.#cancel = undefined;
            this.#tellAll();
          }, this.intervalMs);
    for (const item of items) this.tell(item);
  }
}
