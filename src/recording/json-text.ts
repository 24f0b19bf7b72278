/**
 * JSON text of small values: for the few numbers and names of a microstep, twice as fast as `JSON.stringify`. Strings are
 * clipped. A value that JSON cannot express is null, or absent from an object.
 */

/** Characters of a string; the rest is clipped. */
const MAX_STRING = 1000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must be escaped.
const NEEDS_ESCAPE = /[\u0000-\u001f"\\\ud800-\udfff]/;

export function jsonText(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'string':
      return stringText(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? arrayText(value, 0) : objectText(value as Record<string, unknown>);
    default:
      return 'null';
  }
}

export function stringText(value: string): string {
  const clipped = value.length > MAX_STRING ? `${value.slice(0, MAX_STRING - 1)}…` : value;
  return NEEDS_ESCAPE.test(clipped) ? JSON.stringify(clipped) : `"${clipped}"`;
}

/** @param from the first item to be written. */
function arrayText(value: readonly unknown[], from: number): string {
  if (value.length <= from) return '[]';
  let text = `[${jsonText(value[from])}`;
  for (let i = from + 1; i < value.length; i++) text += `,${jsonText(value[i])}`;
  return `${text}]`;
}

/** Keys of the cache. */
const MAX_KEYS = 1000;
const keyTexts = new Map<string, string>();

/** `"key":` */
export function keyText(key: string): string {
  let text = keyTexts.get(key);
  if (text === undefined) {
    text = `${stringText(key)}:`;
    if (keyTexts.size < MAX_KEYS) keyTexts.set(key, text);
  }
  return text;
}

function objectText(value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key in value) {
    const item = value[key];
    if (item === undefined || typeof item === 'function') continue;
    text += (text === '' ? '{' : ',') + keyText(key) + jsonText(item);
  }
  return text === '' ? '{}' : `${text}}`;
}
