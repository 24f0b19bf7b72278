/**
 * Finds promises where values belong: JSON would write them as `{}`. A promise is recognised by its `then`, because
 * `instanceof Promise` is false for promises of another realm.
 */

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

/** A primitive, or a plain object or array. Much cheaper than `isThenable` where the answer is nearly always yes. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== 'object') return typeof value !== 'function';
  if (value === null) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

/** Every eighth row, the first included, is searched for promises where rows are encoded soon after: a function that forgets
 * an `await` does so for most rows, and encoders find what JSON would write as `{}`. */
const SAMPLE_MASK = 7;

export function isPromiseSample(index: number): boolean {
  return (index & SAMPLE_MASK) === 0;
}

const MAX_DEPTH = 32;

/** Where a row holds a promise, as `.label` or `.tags[2]`, '' for the row itself; undefined: nowhere. */
export function findPromise(value: unknown, depth = 0): string | undefined {
  if (typeof value !== 'object' || value === null)
    return isPlain(value) || !isThenable(value) ? undefined : '';
  if (!isPlain(value)) return isThenable(value) ? '' : undefined;
  if (depth === MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const path = findPromise(value[i], depth + 1);
      if (path !== undefined) return `[${i}]${path}`;
    }
    return undefined;
  }
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner !== 'object' && typeof inner !== 'function') continue;
    const path = findPromise(inner, depth + 1);
    if (path !== undefined) return `.${key}${path}`;
  }
  return undefined;
}
