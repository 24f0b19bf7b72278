import type { StateValue } from '../records.js';

/** `EXECUTING`, or `outer.inner` for nested states, as in the chart. Bounded, because the data is untrusted. */
export function stateText(value: StateValue | undefined, depth = 0): string {
  if (typeof value === 'string') return value;
  const [first] = Object.entries(value ?? {});
  if (first === undefined || depth > 20) return '';
  const [key, inner] = first;
  const rest = stateText(inner, depth + 1);
  return rest === '' ? key : `${key}.${rest}`;
}
