/**
 * The cursor of a page, as JSON: what a position keeps, and what tells whether a service goes round in circles.
 *
 * The detection is Brent's (R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980): one earlier cursor is
 * kept, and replaced at each power of two. It finds every cycle, in memory for two cursors.
 */
import { InvalidOptionError, SourceError } from '../errors.js';
import { canonicalJson, type Json, parseUntrusted } from '../formats/json.js';

/** Characters of JSON. A position is kept in every checkpoint. */
const MAX_CURSOR = 1_000;
const MAX_DEPTH = 16;

/** A cursor as canonical JSON; undefined: the first page of a service that needs no cursor.
 * @throws {InvalidOptionError} for `first`, {SourceError} for `next`: what is no JSON, or too long. */
export function cursorText(cursor: unknown, field: 'first' | 'next'): string | undefined {
  if (cursor === undefined) return undefined;
  const problem = problemOf(cursor);
  if (problem === undefined) return canonicalJson(cursor as Json);
  const message = `pages(): the cursor \`${field}\` ${problem}. Use a text, a number, or an object of them.`;
  throw field === 'first' ? new InvalidOptionError(message) : new SourceError(message);
}

function problemOf(cursor: unknown): string | undefined {
  try {
    const text = JSON.stringify(cursor);
    if (text === undefined || !isSame(JSON.parse(text), cursor)) return 'is not JSON';
    if (text.length > MAX_CURSOR)
      return `has ${text.length} characters of JSON, and at most ${MAX_CURSOR} are kept`;
    parseUntrusted(text, { maxLength: MAX_CURSOR, maxDepth: MAX_DEPTH });
    return undefined;
  } catch {
    return 'is not JSON';
  }
}

/** Whether JSON keeps all of a value: no `Date`, `undefined`, `NaN` or `Map`. */
function isSame(stored: unknown, given: unknown): boolean {
  if (typeof stored !== 'object' || stored === null) return Object.is(stored, given) || stored === given;
  if (typeof given !== 'object' || given === null || Array.isArray(stored) !== Array.isArray(given))
    return false;
  const keys = Object.keys(given);
  return (
    keys.length === Object.keys(stored).length &&
    keys.every((key) =>
      isSame((stored as Record<string, unknown>)[key], (given as Record<string, unknown>)[key]),
    )
  );
}

/** Notices a cursor that comes back. */
export class CursorCycle {
  #kept: string | undefined;
  #before: string | undefined;
  #power = 1;
  #steps = 0;

  constructor(first: string | undefined) {
    this.#kept = first;
    this.#before = first;
  }

  /** @param next the cursor of the page to fetch. @returns the cursor was used before. */
  comesBack(next: string | undefined): boolean {
    if (next === this.#kept || next === this.#before) return true;
    this.#before = next;
    if (++this.#steps === this.#power) {
      this.#kept = next;
      this.#power *= 2;
      this.#steps = 0;
    }
    return false;
  }
}
