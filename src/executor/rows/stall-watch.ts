/**
 * Watches attempts that do not settle: each is reported with stage, batch and age after `FIRST_MS`, and again whenever its age
 * has doubled. It changes nothing about the attempt: `timeoutMs` ends one.
 *
 * One timer for all attempts, armed only while there are some. It does not keep the process alive: a promise that never
 * settles must not hide that nothing else is left to do. Ages are monotonic time.
 */
import type { Clock } from '../../platform/clock.js';

/** Milliseconds until an attempt counts as stalled. */
export const FIRST_MS = 30_000;

interface Watched {
  readonly startedAt: number;
  readonly report: (ageMs: number) => void;
  nextAgeMs: number;
}

export class StallWatch {
  readonly #watched = new Set<Watched>();
  #stopTimer: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** @returns stops watching the attempt. */
  watchAttempt(startedAt: number, report: (ageMs: number) => void): () => void {
    const watched: Watched = { startedAt, report, nextAgeMs: FIRST_MS };
    this.#watched.add(watched);
    this.#stopTimer ??= this.#startTimer();
    return () => {
      this.#watched.delete(watched);
    };
  }

  stop(): void {
    this.#watched.clear();
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #startTimer(): () => void {
    return this.clock.setTimer(() => this.#reportStalls(), FIRST_MS, { keepsProcessAlive: false });
  }

  #reportStalls(): void {
    const now = this.clock.monotonic();
    for (const watched of this.#watched) {
      const ageMs = now - watched.startedAt;
      if (ageMs < watched.nextAgeMs) continue;
      while (watched.nextAgeMs <= ageMs) watched.nextAgeMs *= 2;
      watched.report(ageMs);
    }
    this.#stopTimer = this.#watched.size === 0 ? undefined : this.#startTimer();
  }
}
