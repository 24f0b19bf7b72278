/**
 * An abort that costs nothing until somebody looks: an `AbortSignal` is dear to make and dearer to collect, and most stage
 * functions never ask for theirs. It has of an `AbortSignal` what an attempt needs, and gives a real one when asked.
 */
import type { StageContext } from './stage.js';

/** What an attempt looks at; an `AbortSignal` is one. */
export interface Abortable {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Where a context carries its abort beside `signal`; absent: `signal` is all there is. */
export const ABORTABLE = Symbol('abortable');

/** A context that says so. */
export interface AttemptContext extends StageContext {
  readonly [ABORTABLE]?: Abortable;
}

export function abortOf(context: AttemptContext): Abortable {
  return context[ABORTABLE] ?? context.signal;
}

export class LazyAbort implements Abortable {
  aborted = false;
  reason: unknown;
  #controller: AbortController | undefined;
  /** Nearly always there is one, or none. */
  #listener: (() => void) | undefined;
  #others: Set<() => void> | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** @param reason an `AbortError` unless told. */
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    const listeners = [this.#listener, ...(this.#others ?? [])];
    this.#listener = undefined;
    this.#others = undefined;
    for (const listener of listeners) listener?.();
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === undefined) {
      this.#listener = listener;
      return;
    }
    this.#others ??= new Set();
    this.#others.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#others?.delete(listener);
  }
}
