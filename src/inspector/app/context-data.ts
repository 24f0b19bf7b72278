/** A context as bounded plain JSON: actors become their ids, and what cannot be JSON is left out. */

const MAX_LENGTH = 64 * 1024;
const known = new WeakMap<object, Readonly<Record<string, unknown>>>();

/** Empty for a context that is circular. A large one has its keys only. */
export function contextData(context: unknown): Readonly<Record<string, unknown>> {
  if (typeof context !== 'object' || context === null) return {};
  let data = known.get(context);
  if (data === undefined) {
    data = convert(context);
    known.set(context, data);
  }
  return data;
}

function convert(context: object): Readonly<Record<string, unknown>> {
  try {
    const text = JSON.stringify(context, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    if (text.length <= MAX_LENGTH) return JSON.parse(text) as Record<string, unknown>;
    return Object.fromEntries(Object.keys(context).map((key) => [key, 'left out: the context is too large']));
  } catch {
    return {};
  }
}
