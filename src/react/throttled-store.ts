/**
 * A stream as an external store for React's `useSyncExternalStore`.
 *
 * 1. The snapshot changes at most once per interval, so that a run of a thousand events a second renders ten times.
 * 2. The stream is subscribed while a component is, and the last value before its end is always delivered.
 */
import type { Observable } from 'rxjs';

/** Milliseconds between two renders. */
const INTERVAL_MS = 100;

export class ThrottledStore<In, Out> {
  #latest: Out;
  #shown: Out;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(
    private readonly source: Observable<In>,
    private readonly initial: Out,
    private readonly reduce: (latest: Out, value: In) => Out,
  ) {
    this.#latest = initial;
    this.#shown = initial;
  }

  readonly snapshot = (): Out => this.#shown;
  readonly initialSnapshot = (): Out => this.initial;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#stop === undefined) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  };

  #start(): void {
    let isStarting = true;
    const subscription = this.source.subscribe({
      next: (value) => {
        this.#latest = this.reduce(this.#latest, value);
        if (!isStarting) this.#timer ??= setTimeout(() => this.#show(), INTERVAL_MS);
      },
      complete: () => this.#show(),
    });
    isStarting = false;
    this.#stop = () => subscription.unsubscribe();
    this.#show();
  }

  #end(): void {
    this.#stop?.();
    this.#stop = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown === this.#latest) return;
    this.#shown = this.#latest;
    for (const listener of this.#listeners) listener();
  }
}
