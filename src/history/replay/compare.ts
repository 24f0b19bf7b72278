/** Compares recorded values with today's: plain JSON; a key with the value undefined is absent. */
import { isObject } from '../../formats/json.js';
import type { Patch } from '../../recording/patch.js';

/** A path at which the two differ; `undefined`: absent. */
export interface Difference {
  /** `activity.reader`, `window.0.at`. */
  readonly path: string;
  readonly expected: unknown;
  readonly got: unknown;
}

type Container = Readonly<Record<string, unknown>>;

/** Whether the patch turns `before` into `after`. Equal objects are not compared further, and nothing is copied: a step changes
 * little of a context. */
export function isPatched(before: unknown, after: unknown, patch: Patch): boolean {
  if (!isObject(before) || !isObject(after)) return false;
  const { set, unset, in: inside, splice } = patch;
  for (const key in after) {
    const [from, to] = [before[key], after[key]];
    if (set !== undefined && Object.hasOwn(set, key)) {
      if (!isSame(set[key], to)) return false;
    } else if (inside !== undefined && Object.hasOwn(inside, key)) {
      if (!isPatched(from, to, inside[key] as Patch)) return false;
    } else if (splice !== undefined && Object.hasOwn(splice, key)) {
      if (!isSpliced(from, to, splice[key] as readonly unknown[])) return false;
    } else if (from !== to && !(unset?.includes(key) ? to === undefined : isSame(from, to))) return false;
  }
  for (const key in before)
    if (before[key] !== undefined && after[key] === undefined && !unset?.includes(key)) return false;
  for (const keys of [set, inside, splice]) for (const key in keys) if (!(key in after)) return false;
  return true;
}

function isSpliced(from: unknown, to: unknown, [start, removed, ...items]: readonly unknown[]): boolean {
  if (!Array.isArray(from) || !Array.isArray(to) || typeof start !== 'number' || typeof removed !== 'number')
    return false;
  if (to.length !== from.length - removed + items.length) return false;
  return to.every((item, i) => {
    if (i < start) return isSame(from[i], item);
    const j = i - start;
    return isSame(j < items.length ? items[j] : from[i - items.length + removed], item);
  });
}

export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  for (const key in a) if (!isSame(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** The paths at which two values differ.
 * @param limit the most paths to find. */
export function differences(expected: unknown, got: unknown, limit: number, path = ''): Difference[] {
  if (expected === got) return [];
  if (!isContainer(expected) || !isContainer(got) || Array.isArray(expected) !== Array.isArray(got))
    return [{ path, expected, got }];
  const found: Difference[] = [];
  for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    if (found.length >= limit) break;
    const at = path === '' ? key : `${path}.${key}`;
    found.push(...differences(expected[key], got[key], limit - found.length, at));
  }
  return found;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}
