import type { StateValue } from '../records.js';

/** `EXECUTING`; `outer.inner` of nested states: the path by which a chart knows it. Bounded: data of others. */
export function stateText(value: StateValue | undefined, depth = 0): string {
  if (typeof value === 'string') return value;
  const [first] = Object.entries(value ?? {});
  if (first === undefined || depth > 20) return '';
  const [key, inner] = first;
  const rest = stateText(inner, depth + 1);
  return rest === '' ? key : `${key}.${rest}`;
}
