/**
 * Who goes next in a simulated process (I14). Everything that a real process would wait for (the disk, work of a stage)
 * waits here for its turn, and time stands still until it is moved. Between two steps every promise that could settle has
 * settled, so that nothing is left to chance but what the seed decides.
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
  /** Steps in a row in which nothing but time has moved. */
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

  /** Resolves at the next turn that falls to it; never once the process is dead. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#isOver) this.#waiting.push(resolve);
    });
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** One thing goes on (sometimes several, before anything has noticed the first), or time does. */
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

  /** At most to the next timer, which then goes off: what it has begun may go on before the one after it. */
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

  /** The process is dead: nothing that waits goes on, ever. */
  end(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#timers.clear();
  }
}

/** Resolves when no promise is left to settle by itself. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
