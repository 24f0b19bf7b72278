/** A stream reduced to its latest figures, which a late subscriber gets at once, also after the end. */
import { Observable, Subject } from '../rx.js';

/**
 * Subscribes to `source` now and reduces every value, so that nothing is missed; `view` runs only for subscribers.
 * @returns On subscription the view of the latest state, then one per value; completes with `source`.
 */
export function latest<In, State, Out>(
  source: Observable<In>,
  initial: State,
  reduce: (state: State, value: In) => State,
  view: (state: State) => Out,
): Observable<Out> {
  let state = initial;
  const changes = new Subject<Out>();
  source.subscribe({
    next(value) {
      state = reduce(state, value);
      if (changes.observed) changes.next(view(state));
    },
    error: (error) => changes.error(error),
    complete: () => changes.complete(),
  });
  return new Observable((subscriber) => {
    subscriber.next(view(state));
    return changes.subscribe(subscriber);
  });
}
