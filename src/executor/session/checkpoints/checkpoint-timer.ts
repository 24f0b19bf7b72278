/**
 * The time of one opening: working time, checkpoints due by time, and the minimum pause between commits. No timer runs while a run
 * is paused, or after its end.
 */
import type { Clock } from '../../../platform/clock.js';

/** The minimum pause after a commit, in durations of that commit; at most `MAX_PAUSE_MS`. Under load, commits would otherwise
 * follow one another without a pause: a quarter of the commits costs a quarter, and a crash repeats a few more batches. */
const PAUSE_FACTOR = 3;
const MAX_PAUSE_MS = 1_000;

export class CheckpointTimer {
  /** The monotonic time since which the run works; undefined while it does not. */
  #activeSince: number | undefined;
  #elapsedMs: number;
  #commitBegan = 0;
  #stopTicking: () => void = () => {};
  #stopPause: () => void = () => {};

  /** @param elapsedMs working time of earlier processes. */
  constructor(
    private readonly clock: Clock,
    elapsedMs: number,
  ) {
    this.#elapsedMs = elapsedMs;
  }

  get elapsedMs(): number {
    const since = this.#activeSince;
    return this.#elapsedMs + (since === undefined ? 0 : Math.max(0, this.clock.monotonic() - since));
  }

  /** Starts to count time. Calls `due` every `everyMs`; `false`: never. */
  start(everyMs: number | false, due: () => void): void {
    this.#activeSince = this.clock.monotonic();
    if (everyMs === false) return;
    const tick = () => {
      this.#stopTicking = this.clock.setTimer(
        () => {
          due();
          tick();
        },
        everyMs,
        // A promise that never settles must not hide that nothing else is left to do.
        { keepsProcessAlive: false },
      );
    };
    tick();
  }

  stop(): void {
    this.#elapsedMs = this.elapsedMs;
    this.#activeSince = undefined;
    this.#stopTicking();
    this.#stopPause();
  }

  startCommit(): void {
    this.#commitBegan = this.clock.monotonic();
  }

  /** A commit has ended: calls `over` after the minimum pause.
   * @returns false after a commit that took almost no time. */
  startMinimumPause(over: () => void): boolean {
    const pauseMs = Math.min(MAX_PAUSE_MS, PAUSE_FACTOR * (this.clock.monotonic() - this.#commitBegan));
    if (!(pauseMs >= 1) || this.#activeSince === undefined) return false;
    this.#stopPause();
    this.#stopPause = this.clock.setTimer(over, pauseMs);
    return true;
  }
}
