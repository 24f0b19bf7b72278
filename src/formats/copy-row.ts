/**
 * A deep copy of a row: plain objects and arrays are copied, of any realm; anything else (a `Date`, a class instance) is
 * passed on as it is, because a row is one JSON value.
 */
export function copyRow<T>(row: T): T {
  return copyOf(row) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain =
    prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) return value;
  const copy: Record<string, unknown> = prototype === null ? Object.create(null) : {};
  for (const key of Object.keys(value)) {
    const inner = copyOf((value as Record<string, unknown>)[key]);
    // An assignment to __proto__ would change the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: inner, ...WRITABLE });
    else copy[key] = inner;
  }
  return copy;
}

const WRITABLE = { enumerable: true, writable: true, configurable: true } as const;
