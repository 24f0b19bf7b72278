/**
 * The scheduler of a simulated process (I14). Disk operations and stages wait here for their turn, and only the scheduler
 * advances the clock. Between two steps all promises settle, so that the seed alone decides the order.
 */
import type { Clock, Random } from '../../src/platform/clock.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class Scheduler {
  readonly clock: Clock;
  #now: number;
  readonly #timers = new Set<Timer>();
  #waiting: (() => void)[] = [];
  #isOver = false;
  /** Consecutive steps that only advanced the clock. */
  idleSteps = 0;

  constructor(
    private readonly random: Random,
    startMs: number,
  ) {
    this.#now = startMs;
    this.clock = {
      now: () => this.#now,
      monotonic: () => this.#now,
      setTimer: (callback, delayMs) => {
        const timer = { at: this.#now + Math.max(0, delayMs), callback };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
    };
  }

  /** Resolves at this caller's next turn; never after a crash. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#isOver) this.#waiting.push(resolve);
    });
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resumes one waiting operation, sometimes several, or advances the clock. */
  async step(): Promise<void> {
    if (this.#waiting.length === 0) {
      this.idleSteps++;
      this.#moveTime(10_000);
    } else if (this.random() < 0.05) {
      this.#moveTime(Math.floor(this.random() * (this.random() < 0.1 ? 2_000 : 40)));
    } else {
      this.idleSteps = 0;
      do this.#resumeOne();
      while (this.#waiting.length > 0 && this.random() < 0.15);
    }
    await settled();
  }

  /** Advances at most to the next timer and runs it, so that its effects can run before the timer after it. */
  #moveTime(ms: number): void {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    if (next === undefined || next.at > this.#now + ms) {
      this.#now += ms;
      return;
    }
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.callback();
  }

  #resumeOne(): void {
    const [chosen] = this.#waiting.splice(Math.floor(this.random() * this.#waiting.length), 1);
    chosen?.();
  }

  /** Ends the process: no waiting operation continues. */
  end(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#timers.clear();
  }
}

/** Resolves when all settled promises have run their callbacks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
