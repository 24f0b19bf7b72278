/**
 * What changed between two contexts, found by identity: a part that is the same object is not looked into.
 *
 * 1. `applyPatch(before, patch)` is the context after, to the last key; deletions included.
 * 2. A key whose value is `undefined` is no key: contexts are plain JSON.
 * 3. The text of a patch is made without the patch: a microstep is recorded in a microsecond or two.
 * 4. Applying copies what it changes and shares the rest: a context once folded never changes.
 */
import { isObject, type Json, type JsonObject } from '../formats/json.js';
import { jsonText, keyText, stringText } from './json-text.js';

/** Keys are absent where there is nothing to say. */
export interface Patch {
  /** New values, whole. */
  readonly set?: JsonObject;
  readonly unset?: readonly string[];
  /** Objects that changed inside. */
  readonly in?: { readonly [key: string]: Patch };
  /** Arrays that changed in one place: `[index, how many went, …what came]`. */
  readonly splice?: { readonly [key: string]: readonly Json[] };
}

export const EMPTY_PATCH: Patch = {};

/** The patch as JSON text; '' where nothing changed. */
export function patchText(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string {
  if (before === after) return '';
  let set = '';
  let inside = '';
  let splice = '';
  let kept = 0;
  for (const key in after) {
    if (isSame(before[key], after[key])) {
      kept++;
      continue;
    }
    const to = json(after[key]);
    const from = json(before[key]);
    if (from !== undefined && to !== undefined) kept++;
    if (to === from || to === undefined) continue;
    if (typeof to === 'object' && typeof from === 'object' && to !== null && from !== null) {
      const isArray = Array.isArray(to);
      if (isArray && Array.isArray(from)) {
        const text = spliceText(from, to);
        if (text !== '') splice += `${splice === '' ? '' : ','}${keyText(key)}${text}`;
        continue;
      }
      if (!isArray && !Array.isArray(from)) {
        const text = patchText(from as Record<string, unknown>, to as Record<string, unknown>);
        if (text !== '') inside += `${inside === '' ? '' : ','}${keyText(key)}${text}`;
        continue;
      }
    }
    set += `${set === '' ? '' : ','}${keyText(key)}${jsonText(to)}`;
  }
  const unset = missingText(before, after, kept);
  if (set === '' && inside === '' && splice === '' && unset === '') return '';
  let text = '';
  if (set !== '') text = `"set":{${set}}`;
  if (inside !== '') text += `${text === '' ? '' : ','}"in":{${inside}}`;
  if (splice !== '') text += `${text === '' ? '' : ','}"splice":{${splice}}`;
  if (unset !== '') text += `${text === '' ? '' : ','}"unset":[${unset}]`;
  return `{${text}}`;
}

const isSame = (from: unknown, to: unknown): boolean =>
  from === to && from !== undefined && typeof from !== 'function';

/** What is no JSON is not there; nor is what every object inherits (`valueOf`). */
function json(value: unknown): unknown {
  return typeof value === 'function' ? undefined : value;
}

/** @param kept how many keys both have. */
function missingText(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  kept: number,
): string {
  if (Object.keys(before).length === kept) return '';
  let text = '';
  for (const key in before) {
    if (json(before[key]) === undefined || json(after[key]) !== undefined) continue;
    text += `${text === '' ? '' : ','}${stringText(key)}`;
  }
  return text;
}

/** One splice: what is the same at both ends stays. */
function spliceText(from: readonly unknown[], to: readonly unknown[]): string {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && from[start] === to[start]) start++;
  let same = 0;
  while (same < shorter - start && from[from.length - 1 - same] === to[to.length - 1 - same]) same++;
  const removed = from.length - start - same;
  const end = to.length - same;
  if (removed === 0 && end === start) return '';
  let text = `[${start},${removed}`;
  for (let i = start; i < end; i++) text += `,${jsonText(to[i])}`;
  return `${text}]`;
}

/** The context after.
 * @throws {TypeError} where the patch is not one for this context: it stands in a damaged recording. */
export function applyPatch(before: JsonObject, patch: Patch): JsonObject {
  const after: Record<string, Json> = { ...before };
  for (const key of Object.keys(patch.set ?? {})) after[key] = (patch.set as JsonObject)[key] as Json;
  for (const [key, inner] of Object.entries(patch.in ?? {})) {
    const value = after[key];
    if (!isObject(value)) throw new TypeError(`"${key}" is no object`);
    after[key] = applyPatch(value as JsonObject, inner);
  }
  for (const [key, [start, removed, ...items]] of Object.entries(patch.splice ?? {})) {
    const value = after[key];
    if (!Array.isArray(value) || typeof start !== 'number' || typeof removed !== 'number')
      throw new TypeError(`"${key}" is no array`);
    after[key] = [...value.slice(0, start), ...items, ...value.slice(start + removed)];
  }
  for (const key of patch.unset ?? []) delete after[key];
  return after;
}

/** Paths of what a patch touches: `activity.reader`, `window`. */
export function changedPaths(patch: Patch, prefix = ''): string[] {
  const own = [...Object.keys(patch.set ?? {}), ...Object.keys(patch.splice ?? {}), ...(patch.unset ?? [])];
  return [
    ...own.map((key) => prefix + key),
    ...Object.entries(patch.in ?? {}).flatMap(([key, inner]) => changedPaths(inner, `${prefix}${key}.`)),
  ];
}
