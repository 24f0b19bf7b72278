import { kindOf } from '../../../formats/shape.js';

/** Deeper values are refused: a cycle would never end. */
const MAX_DEPTH = 100;

/** Why a value would not be the same after it was stored as JSON; undefined: it would be.
 * @param path names the value. */
export function jsonProblem(value: unknown, path: string, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${path} is ${kindOf(value)}`;
    case 'object':
      break;
    default:
      return `${path} is ${kindOf(value)}`;
  }
  if (value === null) return undefined;
  if (depth === MAX_DEPTH) return `${path} is nested deeper than ${MAX_DEPTH}, or holds itself`;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = jsonProblem(value[i], `${path}[${i}]`, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if (typeof (value as { readonly then?: unknown }).then === 'function') return `${path} is a promise`;
  if (!isPlainObject(value)) return `${path} is an instance of a class`;
  for (const [name, field] of Object.entries(value)) {
    const problem = jsonProblem(field, `${path}.${name}`, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Of any realm: its prototype has none itself. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
