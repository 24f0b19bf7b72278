/** JSON values, and parsing JSON text from an untrusted place (I9). */

import type { Json, JsonObject } from '../../machines/context.js';

export type { Json, JsonObject };

const HOSTILE = new Set(['__proto__', 'constructor', 'prototype']);
/** Matches each text with such a key: by its name, or by escaped letters. */
const MAYBE_HOSTILE = /__proto__|constructor|prototype|\\u/;

export interface JsonLimits {
  /** Characters of text. */
  readonly maxLength: number;
  /** Nesting of arrays and objects. */
  readonly maxDepth: number;
}

/** Parses text from disk or a socket: bounded in size and depth, and free of keys that reach a prototype.
 * @throws {SyntaxError} naming which of these it broke; never quoting the text. */
export function parseUntrusted(text: string, limits: JsonLimits): Json {
  if (text.length > limits.maxLength) throw new SyntaxError(`longer than ${limits.maxLength} characters`);
  // Each level takes two characters.
  if (text.length > 2 * limits.maxDepth) assertDepth(text, limits.maxDepth);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new SyntaxError('not JSON');
  }
  if (MAYBE_HOSTILE.test(text) && hasHostileKey(value))
    throw new SyntaxError('a key that would reach a prototype');
  return value;
}

/** A walk: a reviver makes `JSON.parse` ten times slower. The depth is bounded already. */
function hasHostileKey(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasHostileKey);
  if (!isObject(value)) return false;
  const object = value as JsonObject;
  return Object.keys(object).some((key) => HOSTILE.has(key) || hasHostileKey(object[key] as Json));
}

/** Counts brackets outside strings, before `JSON.parse` recurses into them. */
function assertDepth(text: string, maxDepth: number): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) throw new SyntaxError(`nested deeper than ${maxDepth}`);
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** JSON text with sorted keys: equal for equal values, whatever the order of their keys. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as Json)).join(',')}]`;
  if (isObject(value)) {
    const object = value as JsonObject;
    const pairs = Object.keys(object)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as Json)}`);
    return `{${pairs.join(',')}}`;
  }
  return JSON.stringify(value);
}
