/** Plays a session: the cursor moves with time at the chosen speed and skips idle stretches. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { Session } from './session.js';
import { workedMs } from './view/timeline.js';

export const SPEEDS = [0.1, 1, 10, 100, 1000] as const;
/** The default speed plays a recording in at most about this many seconds. */
const PATIENCE_S = 40;

export class Player {
  readonly playing = signal(false);
  readonly speed: ReadonlySignal<number>;
  /** Undefined: the one that fits the length of the session. */
  private readonly chosen = signal<number | undefined>(undefined);
  private last = 0;
  private at = 0;
  /** The cursor as this player set it. */
  private placed = -1;
  private readonly stopEffect: () => void;

  constructor(
    private readonly session: Session,
    private readonly schedule = (callback: (now: number) => void): unknown => requestAnimationFrame(callback),
  ) {
    this.speed = computed(
      () => this.chosen.value ?? speedFor(workedMs(session.line.value, Number.POSITIVE_INFINITY)),
    );
    // Following and playing both move the cursor: one ends the other.
    this.stopEffect = effect(() => {
      if (session.following.value) this.playing.value = false;
    });
  }

  choose(speed: number): void {
    this.chosen.value = speed;
  }

  toggle(): void {
    if (this.playing.value) {
      this.playing.value = false;
      return;
    }
    const { session } = this;
    if (session.cursor.value >= session.end) session.seek(0);
    session.following.value = false;
    this.placed = -1;
    this.last = Number.NaN;
    this.playing.value = true;
    this.schedule((now) => this.tick(now));
  }

  close(): void {
    this.playing.value = false;
    this.stopEffect();
  }

  private async tick(now: number): Promise<void> {
    if (!this.playing.value) return;
    const { session } = this;
    // At the first tick, and after a seek, play from the shown moment.
    if (session.cursor.value !== this.placed)
      this.at = session.shown.value?.frame.at ?? session.summary.value.from;
    if (Number.isFinite(this.last)) this.at += Math.min(250, now - this.last) * this.speed.value;
    this.last = now;
    const rest = session.line.value.stretches.find(
      (each) => each.atRest && this.at > each.from && this.at < each.to,
    );
    if (rest !== undefined) this.at = rest.to;
    const { to } = session.summary.value;
    if (this.at >= to) {
      session.seek(session.end);
      this.playing.value = false;
      return;
    }
    await session.seekTime(this.at);
    this.placed = session.cursor.value;
    this.schedule((next) => this.tick(next));
  }
}

const speedFor = (ms: number): number => SPEEDS.find((speed) => ms / speed <= PATIENCE_S * 1000) ?? 1000;
