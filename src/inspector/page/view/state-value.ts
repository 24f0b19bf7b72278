import type { StateValue } from '../records.js';

const MAX_DEPTH = 20;

/** `EXECUTING`, `outer.inner`, or `outer.(a.x, b.y)` for parallel states. Bounded, because the data is untrusted. */
export function stateText(value: StateValue | undefined, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > MAX_DEPTH) return '';
  const parts = Object.entries(value ?? {})
    .slice(0, MAX_DEPTH)
    .map(([key, inner]) => {
      const rest = stateText(inner, depth + 1);
      return rest === '' ? key : `${key}.${rest}`;
    });
  return parts.length > 1 ? `(${parts.join(', ')})` : (parts[0] ?? '');
}

/** Paths of all active states: `outer`, `outer.inner`. */
export function activePaths(value: StateValue | undefined): ReadonlySet<string> {
  const paths = new Set<string>();
  const visit = (each: StateValue | undefined, prefix: string, depth: number) => {
    if (depth > MAX_DEPTH) return;
    if (typeof each === 'string') {
      // An atomic state, or the path of one.
      const keys = each.split('.');
      for (let i = 1; i <= keys.length; i++) paths.add(prefix + keys.slice(0, i).join('.'));
      return;
    }
    for (const [key, inner] of Object.entries(each ?? {}).slice(0, 200)) {
      paths.add(prefix + key);
      visit(inner, `${prefix}${key}.`, depth + 1);
    }
  };
  visit(value, '', 0);
  return paths;
}
