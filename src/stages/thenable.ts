/** Work that is synchronous until something answers with a promise: what is plain stays plain, and costs no tick. */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

/** Goes on with `next` at once, or when `value` is there. */
export function andThen<T, U>(
  value: T | PromiseLike<T>,
  next: (value: T) => U | PromiseLike<U>,
): U | PromiseLike<U> {
  return isThenable(value) ? Promise.resolve(value as PromiseLike<T>).then(next) : next(value as T);
}

/** Leaves a promise alone without leaving its rejection unhandled. */
export function abandon(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => {});
}
