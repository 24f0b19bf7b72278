/**
 * The events of a run, for observers.
 *
 * 1. Every subscriber sees the same events in the same order, even if one of them gives a command, and so causes an event,
 *    while an event is delivered.
 * 2. A subscriber cannot harm the run or another subscriber (I11): `events$` is guarded.
 * 3. `observed` is false without subscribers: then events need not be built.
 */
import type { Observable } from 'rxjs';
import type { PipelineEvent } from './events.js';
import { guard } from './guard.js';
import { Subject } from './rx.js';

/** Receivers of an event beside the subscribers of `events$`. */
export interface EventListeners {
  /** Never throws. */
  emit(event: PipelineEvent): void;
}

export class EventBus {
  /** Events from the moment of subscribing. A subscriber that fails is detached. */
  readonly events$: Observable<PipelineEvent>;
  readonly #subject = new Subject<PipelineEvent>();
  /** The same without the wall: for our own subscribers, which do not fail. */
  readonly own$: Observable<PipelineEvent> = this.#subject;
  readonly #waiting: (readonly [PipelineEvent, EventListeners | undefined])[] = [];
  #delivering = false;
  #completed = false;

  /** @param onObserverError Called once per subscription that failed. What it throws is dropped. */
  constructor(onObserverError: (error: unknown) => void) {
    this.events$ = guard(this.#subject, (error) => {
      try {
        onObserverError(error);
      } catch {
        // The error of an error handler has no receiver.
      }
    });
  }

  /** Whether there are subscribers. */
  get observed(): boolean {
    return this.#subject.observed;
  }

  /** Delivers synchronously; from within a delivery, after it. Never throws.
   * @param listeners receive the event too, in the same order. */
  publish(event: PipelineEvent, listeners?: EventListeners): void {
    if (this.#completed || (listeners === undefined && !this.#subject.observed)) return;
    this.#waiting.push([event, listeners]);
    this.#deliver();
  }

  /** Ends `events$` after what was published. */
  complete(): void {
    this.#completed = true;
    this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const [event, listeners] = next;
        this.#subject.next(event);
        listeners?.emit(event);
      }
    } finally {
      this.#delivering = false;
    }
    if (this.#completed) this.#subject.complete();
  }
}
