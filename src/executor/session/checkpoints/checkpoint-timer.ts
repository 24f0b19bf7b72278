/**
 * The time of one opening: how long rows have been worked on, when time asks for a checkpoint, and how long the disk
 * rests between two. Nothing runs here while a run is paused, or has ended.
 */
import type { Clock } from '../../../platform/clock.js';

/** After a commit the disk rests this many times as long as the commit took, and no longer than `MAX_REST_MS`. Where rows
 * come fast, commits would else follow one another without a pause; a quarter of them costs a quarter, and a crash
 * then costs a few more batches of work. */
const REST_FACTOR = 3;
const MAX_REST_MS = 1_000;

export class CheckpointTimer {
  /** The monotonic time since which rows are being worked on; undefined while none are. */
  #activeSince: number | undefined;
  #elapsedMs: number;
  #commitBegan = 0;
  #stopTicking: () => void = () => {};
  #stopResting: () => void = () => {};

  /** @param elapsedMs of the processes before this one. */
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

  /** Time counts from now on. Calls `due` every `everyMs`; `false`: never. */
  start(everyMs: number | false, due: () => void): void {
    this.#activeSince = this.clock.monotonic();
    if (everyMs === false) return;
    const tick = () => {
      this.#stopTicking = this.clock.setTimer(() => {
        due();
        tick();
      }, everyMs);
    };
    tick();
  }

  stop(): void {
    this.#elapsedMs = this.elapsedMs;
    this.#activeSince = undefined;
    this.#stopTicking();
    this.#stopResting();
  }

  startCommit(): void {
    this.#commitBegan = this.clock.monotonic();
  }

  /** A commit has ended: calls `rested` when the disk has rested. False where the commit took no time worth a rest. */
  startMinimumPause(rested: () => void): boolean {
    const restMs = Math.min(MAX_REST_MS, REST_FACTOR * (this.clock.monotonic() - this.#commitBegan));
    if (!(restMs >= 1) || this.#activeSince === undefined) return false;
    this.#stopResting();
    this.#stopResting = this.clock.setTimer(rested, restMs);
    return true;
  }
}
