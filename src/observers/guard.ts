/**
 * Guards a stream against its subscribers (I11).
 *
 * 1. What a subscriber throws, rejects with, or lets escape from its operators, its handlers or its teardown reaches
 *    `report` once, and that subscriber is detached. Neither the source nor another subscriber notices.
 * 2. RxJS's own answer to such an error, throwing it from a timer, which would end the process, is never reached from
 *    here: not from a chain that starts at the guarded observable, whenever it throws, and not from any other chain
 *    that throws while a value is being delivered to it.
 * 3. Delivery is synchronous; nothing waits for a promise that a handler returns.
 *
 * Out of reach: a chain that starts elsewhere (`interval(…).pipe(withLatestFrom(events$))`), has no error handler, and
 * throws at a time of its own. Such an error belongs to the application, like any timer's.
 */
import type { Observer, Operator, Subscriber, Subscription } from 'rxjs';
import { config, Observable, Subject } from './rx.js';

/** Receives each error of a subscriber. Must not throw. */
export type ReportError = (error: unknown) => void;

/**
 * The same stream behind the wall.
 * @param scope Ends every subscription made through this guard when it is unsubscribed.
 */
export function guard<T>(source: Observable<T>, report: ReportError, scope?: Subscription): Observable<T> {
  // Of two walls in a row the outer would gather what is thrown, and hold the wrong one responsible.
  const bare = (source instanceof Guarded ? (source as Guarded<T>).bare : undefined) ?? source;
  const onSubscribe = (subscriber: Subscriber<T>) => {
    scope?.add(subscriber);
    const throwing = throwingHere();
    const fail = (error: unknown) => {
      detach(subscriber);
      report(error);
    };
    const deliver = (delivery: () => void) => {
      try {
        throwing(delivery);
      } catch (error) {
        fail(error);
      }
    };
    return bare.subscribe({
      next: (value) => deliver(() => subscriber.next(value)),
      error: (error) => deliver(() => subscriber.error(error)),
      complete: () => deliver(() => subscriber.complete()),
    });
  };
  return new Guarded<T>(onSubscribe, report, bare);
}

interface Call {
  readonly action: () => void;
  thrown?: { readonly error: unknown };
}

/**
 * Makes a function that runs an action so that an error which RxJS would throw later, from a timer, is thrown from it
 * instead. The setting that does this is global, hence held for that one synchronous call only.
 */
export function throwingHere(): (action: () => void) => void {
  // RxJS gathers errors around a subject's `next`, and never stops if something is thrown right through that: so the
  // action runs inside of one, and what it throws is carried around it.
  const turn = new Subject<Call>();
  turn.subscribe((call) => {
    try {
      call.action();
    } catch (error) {
      call.thrown = { error };
    }
  });
  return (action) => {
    const call: Call = { action };
    const before = config.useDeprecatedSynchronousErrorHandling;
    config.useDeprecatedSynchronousErrorHandling = true;
    try {
      turn.next(call);
    } finally {
      config.useDeprecatedSynchronousErrorHandling = before;
    }
    if (call.thrown !== undefined) throw call.thrown.error;
  };
}

/** Unsubscribes. An error of a teardown is dropped: its subscriber is being detached. */
export function detach(subscription: Subscription | undefined): void {
  try {
    subscription?.unsubscribe();
  } catch {
    // The subscriber is being cut off already.
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Stays guarded through `pipe`, and wraps the handlers at the end of the chain. */
class Guarded<T> extends Observable<T> {
  readonly #report: ReportError;

  constructor(
    onSubscribe: (subscriber: Subscriber<T>) => Subscription | undefined,
    report: ReportError,
    /** What is behind the wall, where this is the wall itself and not a chain that starts there. */
    readonly bare?: Observable<T>,
  ) {
    super(onSubscribe);
    this.#report = report;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = super.lift(operator);
    return new Guarded<R>((subscriber) => lifted.subscribe(subscriber), this.#report);
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator's subscriber is a link of the chain, not its end.
    if (isSubscriber(observerOrNext)) return super.subscribe(observerOrNext);
    const target: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : {
            ...(observerOrNext ? { next: observerOrNext } : {}),
            ...(error ? { error } : {}),
            ...(complete ? { complete } : {}),
          };
    let failed = false;
    let subscription: Subscription | undefined;
    const fail = (thrown: unknown) => {
      if (failed) return;
      failed = true;
      detach(subscription);
      this.#report(thrown);
    };
    const call = (handler: () => unknown) => {
      if (failed) return;
      try {
        const result = handler();
        if (isThenable(result)) result.then(undefined, fail);
      } catch (thrown) {
        fail(thrown);
      }
    };
    subscription = super.subscribe({
      next: (value) => call(() => target.next?.(value)),
      error: (thrown) => (target.error ? call(() => target.error?.(thrown)) : fail(thrown)),
      complete: () => call(() => target.complete?.()),
    });
    if (failed) detach(subscription);
    return subscription;
  }
}

/** By shape, not by class: the operators may come from another copy of RxJS. */
function isSubscriber(value: unknown): value is Subscriber<never> {
  if (typeof value !== 'object' || value === null) return false;
  const shape = value as Record<string, unknown>;
  return ['next', 'error', 'complete', 'add', 'remove', 'unsubscribe'].every(
    (method) => typeof shape[method] === 'function',
  );
}
