/** Work that is synchronous until something answers with a promise: what is plain stays plain, and costs no tick. */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

/** A plain object or array: no promise, unless somebody put a `then` into it. Much cheaper to see than that there is none. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
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
