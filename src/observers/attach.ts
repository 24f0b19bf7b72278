/**
 * Attaching an observer to a run so that it cannot hurt it (I11). One that throws, rejects or is slow stops neither
 * the run nor the other observers: its first error is reported, and it is detached.
 */
import type { Observable, Observer, Unsubscribable } from 'rxjs';
import type { PipelineEvent } from './events.js';
import { detach, guard, isThenable, throwingHere } from './guard.js';
import { Subscription } from './rx.js';

/** A partial RxJS observer of events, or a function that subscribes to them as it likes. A handler may be
 * asynchronous: it is not awaited, and its rejection counts as its error. */
export type PipelineObserver =
  | Partial<Observer<PipelineEvent>>
  | ((events$: Observable<PipelineEvent>) => Unsubscribable);

/**
 * Delivers events to the observer, synchronously and in order, until they end, it fails, or the subscription is ended.
 * Never throws.
 * @param onObserverError called once, with the first error, after the observer was detached. What this function
 * itself throws is dropped.
 * @returns Detaches the observer, with everything it subscribed.
 * @example
 * attachObserver(executor.events$, { next: (event) => console.log(event.type) }, console.error);
 */
export function attachObserver(
  events$: Observable<PipelineEvent>,
  observer: PipelineObserver,
  onObserverError: (error: unknown) => void,
): Subscription {
  const attachment = new Subscription();
  let failed = false;
  const fail = (error: unknown) => {
    if (failed) return;
    failed = true;
    detach(attachment);
    try {
      onObserverError(error);
    } catch {
      // The error of an error handler has no receiver.
    }
  };
  const guarded$ = guard(events$, fail, attachment);
  if (typeof observer !== 'function') {
    guarded$.subscribe(observer);
    return attachment;
  }
  const take = (returned: unknown) => {
    if (isThenable(returned)) returned.then(undefined, fail);
    else if (isUnsubscribable(returned)) attachment.add(() => release(returned));
  };
  try {
    throwingHere()(() => take(observer(guarded$)));
  } catch (error) {
    fail(error);
  }
  return attachment;

  function release(subscription: Unsubscribable): void {
    try {
      subscription.unsubscribe();
    } catch (error) {
      fail(error);
    }
  }
}

function isUnsubscribable(value: unknown): value is Unsubscribable {
  return typeof (value as { unsubscribe?: unknown } | null | undefined)?.unsubscribe === 'function';
}
