/**
 * Work that is synchronous until a function returns a promise. Plain values stay plain and cost no tick.
 */
import { isThenable } from '../formats/promises.js';

export { isPlain, isThenable } from '../formats/promises.js';

/** Calls `next` with the value: at once, or when the promise settles. */
export function andThen<T, U>(
  value: T | PromiseLike<T>,
  next: (value: T) => U | PromiseLike<U>,
): U | PromiseLike<U> {
  return isThenable(value) ? Promise.resolve(value as PromiseLike<T>).then(next) : next(value as T);
}

/** Handles the rejection of a promise whose value is not used. */
export function abandon(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => {});
}
