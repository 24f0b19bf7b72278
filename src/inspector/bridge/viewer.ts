/**
 * One viewer that is connected.
 *
 * 1. What waits to be taken by it is bounded: a viewer that falls behind is told nothing until it has taken what there
 *    is, and then everything anew. One that takes nothing for STALLED_MS is left.
 * 2. A replay is as large as it is, and is made only for a viewer that waits for nothing.
 */
import type { Timers } from './pace.js';

/** A `WebSocket` of `ws`, as far as it is needed. */
export interface ViewerSocket {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(text: string, done: (error?: Error) => void): void;
  terminate(): void;
}

/** Bytes that wait to be taken. */
export const HIGH_WATER = 1024 * 1024;
export const STALLED_MS = 20_000;

export class Viewer {
  /** Told when a viewer that was behind has caught up: it has missed something. */
  onCaughtUp: () => void = () => {};
  #isBehind = false;
  #isReplaying = false;
  #stalled: (() => void) | undefined;

  constructor(
    private readonly socket: ViewerSocket,
    private readonly timers: Timers,
  ) {}

  send(text: string): void {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN || (this.#isBehind && !this.#isReplaying)) return;
    socket.send(text, () => this.#taken());
    if (socket.bufferedAmount <= HIGH_WATER || this.#isReplaying) return;
    this.#isBehind = true;
    this.#stalled ??= this.timers.setTimer(() => socket.terminate(), STALLED_MS);
  }

  /** @param work sends everything that there is. */
  replay(work: () => void): void {
    this.#isReplaying = true;
    try {
      work();
    } finally {
      this.#isReplaying = false;
    }
  }

  /** It is gone. */
  leave(): void {
    this.#stalled?.();
    this.#stalled = undefined;
  }

  #taken(): void {
    if (!this.#isBehind || this.socket.bufferedAmount > 0) return;
    this.#isBehind = false;
    this.leave();
    this.onCaughtUp();
  }
}
