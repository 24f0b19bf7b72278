/** A stream reduced to its latest value, which a late subscriber gets at once, also after the end. */
import { Observable, Subject } from './rx.js';

/** What a stream came to so far; several views may be taken of it. */
export interface Reduced<State> {
  readonly state: State;
  /** Emits after each change, completes with the stream. */
  readonly changes: Subject<void>;
}

/** Subscribes to `source` now and reduces every value, so that nothing is missed. */
export function reduced<In, State>(
  source: Observable<In>,
  initial: State,
  reduce: (state: State, value: In) => State,
): Reduced<State> {
  const all = { state: initial, changes: new Subject<void>() };
  source.subscribe({
    next(value) {
      all.state = reduce(all.state, value);
      if (all.changes.observed) all.changes.next();
    },
    error: (error) => all.changes.error(error),
    complete: () => all.changes.complete(),
  });
  return all;
}

/** On subscription the view of the latest state, then one per change; it runs only for subscribers. */
export function viewOf<State, Out>(all: Reduced<State>, view: (state: State) => Out): Observable<Out> {
  return new Observable((subscriber) => {
    subscriber.next(view(all.state));
    return all.changes.subscribe({
      next: () => subscriber.next(view(all.state)),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
  });
}
