/**
 * The events of a run, for observers.
 *
 * 1. Every subscriber sees the same events in the same order, even if one of them gives a command, and so causes an event,
 *    while an event is delivered.
 * 2. A subscriber cannot harm the run or another subscriber (I11): `events$` is guarded.
 * 3. `observed` is false without subscribers: then events need not be built.
 * 4. Our own followers do not fail. They are called directly: two events for each stage and batch cost little more than the calls.
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

/** A follower of our own. It must not throw. */
export interface EventFollower {
  next(event: PipelineEvent): void;
  complete?(): void;
}

/** An observer of our own: it needs no guard. */
export class OwnObserver implements EventFollower {
  constructor(readonly next: (event: PipelineEvent) => void) {}
}

export class EventBus {
  /** Events from the moment of subscribing. A subscriber that fails is detached. */
  readonly events$: Observable<PipelineEvent>;
  readonly #subject = new Subject<PipelineEvent>();
  /** They follow events before the subscribers of `events$` get them. */
  readonly #first: EventFollower[] = [];
  /** They follow events after the subscribers of `events$` got them. */
  readonly #last: EventFollower[] = [];
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
    return this.#first.length + this.#last.length > 0 || this.#subject.observed;
  }

  /** Adds a follower.
   * @param place before or after the subscribers of `events$`. */
  follow(follower: EventFollower, place: 'first' | 'last'): void {
    (place === 'first' ? this.#first : this.#last).push(follower);
  }

  /** Delivers synchronously; from within a delivery, after it. Never throws.
   * @param listeners receive the event too, in the same order. */
  publish(event: PipelineEvent, listeners?: EventListeners): void {
    if (this.#completed || (listeners === undefined && !this.observed)) return;
    if (this.#delivering) this.#waiting.push([event, listeners]);
    else this.#deliver(event, listeners);
  }

  /** Ends `events$` after what was published. */
  complete(): void {
    this.#completed = true;
    if (!this.#delivering) this.#end();
  }

  #deliver(event: PipelineEvent, listeners: EventListeners | undefined): void {
    this.#delivering = true;
    try {
      this.#deliverOne(event, listeners);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#deliverOne(...next);
    } finally {
      this.#delivering = false;
    }
    if (this.#completed) this.#end();
  }

  #deliverOne(event: PipelineEvent, listeners: EventListeners | undefined): void {
    for (let i = 0; i < this.#first.length; i++) this.#first[i]?.next(event);
    if (this.#subject.observed) this.#subject.next(event);
    for (let i = 0; i < this.#last.length; i++) this.#last[i]?.next(event);
    listeners?.emit(event);
  }

  #end(): void {
    for (const follower of this.#first.splice(0)) follower.complete?.();
    this.#subject.complete();
    for (const follower of this.#last.splice(0)) follower.complete?.();
  }
}
