/** Keys as they are held in memory: texts and numbers as they are, other JSON values as marked text. */
import { StageError } from '../../../errors.js';
import { canonicalJson, type Json } from '../../../formats/json.js';
import { jsonProblem } from './json-problem.js';

export type HeldKey = string | number;

/** Begins the text of a key that is neither a text nor a number, and of a text that begins with it. */
const MARK = '\u0000';

const [QUOTE, MINUS, ZERO, NINE] = [0x22, 0x2d, 0x30, 0x39];

/** @throws {StageError} for a value that is not JSON. */
export function holdKey(stage: string, key: unknown): HeldKey {
  if (typeof key === 'string') return key.startsWith(MARK) ? MARK + JSON.stringify(key) : key;
  if (typeof key === 'number' && Number.isFinite(key)) return key;
  const problem = jsonProblem(key, 'the key');
  if (problem !== undefined)
    throw new StageError(`Stage "${stage}": ${problem}. A key is a text, a number, or another JSON value.`);
  return MARK + canonicalJson(key as Json);
}

export function jsonOfKey(key: HeldKey): string {
  return typeof key === 'string' && key.startsWith(MARK) ? key.slice(1) : JSON.stringify(key);
}

/** @param text as of `jsonOfKey`. */
export function heldKeyOf(text: string): HeldKey {
  const first = text.charCodeAt(0);
  if (first === QUOTE) {
    const key = JSON.parse(text) as string;
    return key.startsWith(MARK) ? MARK + text : key;
  }
  const isNumber = first === MINUS || (first >= ZERO && first <= NINE);
  return isNumber ? Number(text) : MARK + text;
}

export function keyOf(key: HeldKey): unknown {
  return typeof key === 'string' && key.startsWith(MARK) ? JSON.parse(key.slice(1)) : key;
}
