/**
 * One connected viewer, under backpressure.
 *
 * 1. The send buffer is bounded. A viewer that falls behind gets nothing until its buffer is empty, then a full replay.
 *    A viewer that reads nothing for STALLED_MS is disconnected.
 * 2. A replay is unbounded, so it is made only while the buffer is empty.
 */
import type { Timers } from './throttle.js';

/** The part of a `WebSocket` of `ws` that is used. */
export interface ViewerSocket {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(text: string, done: (error?: Error) => void): void;
  terminate(): void;
}

/** Buffered bytes. */
export const HIGH_WATER = 1024 * 1024;
export const STALLED_MS = 20_000;

export class Viewer {
  /** Called when a viewer that was behind has caught up, and has missed messages. */
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

  /** @param work sends the full replay. */
  replay(work: () => void): void {
    this.#isReplaying = true;
    try {
      work();
    } finally {
      this.#isReplaying = false;
    }
  }

  /** The connection is closed. */
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
