/**
 * The latest events of one executor, numbered, for all viewers together.
 *
 * 1. The log keeps at most `CAPACITY` events: viewers, however many and however slow, cost no further memory.
 * 2. A viewer keeps a number. It reads from there on, and learns how many events it has missed.
 * 3. Numbers have a token, so that a number of another process is never mistaken for one of this log.
 */
import type { PipelineEvent } from '../observers/events.js';
import type { Progress } from '../observers/progress/progress.js';
import type { ObservedRun } from './observed-run.js';

/** Events. */
const CAPACITY = 1_000;

export class EventLog {
  readonly token = globalThis.crypto.randomUUID().slice(0, 8);
  readonly #events: PipelineEvent[] = [];
  readonly #listeners = new Set<() => void>();
  /** Number of the event after the newest. */
  next = 0;
  /** Undefined until the executor has reported progress, which it does on subscription. */
  progress: Progress | undefined;
  isEnded = false;

  constructor(run: ObservedRun) {
    run.progress$.subscribe({
      next: (progress) => {
        this.progress = progress;
        this.#notify();
      },
    });
    run.events$.subscribe({
      next: (event) => {
        this.#events[this.next % CAPACITY] = event;
        this.next += 1;
        this.#notify();
      },
      complete: () => {
        this.isEnded = true;
        this.#notify();
      },
    });
  }

  /** Number of the oldest event that is kept. */
  get first(): number {
    return Math.max(0, this.next - CAPACITY);
  }

  at(number: number): PipelineEvent {
    return this.#events[number % CAPACITY] as PipelineEvent;
  }

  /** @returns ends the notifications. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

const logs = new WeakMap<ObservedRun, EventLog>();

/** The log of an executor: one for all of its viewers. It begins with the first call. */
export function eventLogOf(run: ObservedRun): EventLog {
  let log = logs.get(run);
  if (log === undefined) {
    log = new EventLog(run);
    logs.set(run, log);
  }
  return log;
}
