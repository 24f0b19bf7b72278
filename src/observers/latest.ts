/** A stream reduced to its latest value, which a late subscriber gets at once, also after the end. */
import { Observable, Subject } from './rx.js';

/** What a stream came to so far; several views may be taken of it. */
export interface Reduced<State> {
  readonly state: State;
  /** Emits after each change, completes with the stream. */
  readonly changes: Subject<void>;
}

/** Reduces what it is given. */
export class Reducer<In, State> implements Reduced<State> {
  readonly changes = new Subject<void>();

  constructor(
    public state: State,
    private readonly reduce: (state: State, value: In) => State,
  ) {}

  next(value: In): void {
    this.state = this.reduce(this.state, value);
    if (this.changes.observed) this.changes.next();
  }

  error(error: unknown): void {
    this.changes.error(error);
  }

  complete(): void {
    this.changes.complete();
  }
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
