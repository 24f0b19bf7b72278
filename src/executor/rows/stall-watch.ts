/**
 * Watches attempts that do not settle: each is reported with its age after `FIRST_MS`, and again whenever its age has doubled.
 * It changes nothing about the attempt: `timeoutMs` ends one.
 *
 * One timer for all attempts, armed only while there are some: an attempt that settles in time costs nothing here. The timer
 * does not keep the process alive: a promise that never settles must not hide that nothing else is left to do. Ages are
 * monotonic time.
 */
import type { Clock } from '../../platform/clock.js';

/** Milliseconds until an attempt counts as stalled. */
export const FIRST_MS = 30_000;

/** An attempt or a call, as it is watched. */
export interface WatchedAttempt {
  readonly startedAt: number;
  /** Milliseconds of age at which it is reported next: `FIRST_MS` at first. */
  nextReportMs: number;
}

export interface StallWatchOptions<Attempt> {
  readonly clock: Clock;
  /** Those that have not settled. */
  readonly attempts: () => Iterable<Attempt>;
  readonly report: (attempt: Attempt, ageMs: number) => void;
}

export class StallWatch<Attempt extends WatchedAttempt> {
  #stopTimer: (() => void) | undefined;

  constructor(private readonly options: StallWatchOptions<Attempt>) {}

  /** There is an attempt that has not settled. */
  arm(): void {
    this.#stopTimer ??= this.options.clock.setTimer(() => this.#reportStalls(), FIRST_MS, {
      keepsProcessAlive: false,
    });
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #reportStalls(): void {
    const { clock, attempts, report } = this.options;
    this.#stopTimer = undefined;
    const now = clock.monotonic();
    for (const attempt of attempts()) {
      this.arm();
      const ageMs = now - attempt.startedAt;
      if (ageMs < attempt.nextReportMs) continue;
      while (attempt.nextReportMs <= ageMs) attempt.nextReportMs *= 2;
      report(attempt, ageMs);
    }
  }
}
