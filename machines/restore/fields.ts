/** Checks the fields of a persisted snapshot (I9). Each function returns the value, or throws an error with the field's path. */
import type { JsonObject } from '../context.js';
import { MAX_WINDOW } from '../context.js';

/** The persisted snapshot is damaged, or of other stages. */
export class InvalidSnapshotError extends Error {
  readonly code = 'INVALID_SNAPSHOT';
  constructor(
    /** The field, as a path of keys. */
    readonly path: string,
    readonly expected: string,
  ) {
    super(`snapshot${path}: expected ${expected}`);
    this.name = 'InvalidSnapshotError';
  }
}

export function fail(path: string, expected: string): never {
  throw new InvalidSnapshotError(path, expected);
}

export function object(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(at, 'an object');
  return value as Record<string, unknown>;
}

export function array(value: unknown, at: string, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) fail(at, `an array of at most ${max}`);
  return value as readonly unknown[];
}

export function text(value: unknown, at: string, max: number): string {
  if (typeof value !== 'string' || value.length > max) fail(at, `text of at most ${max} characters`);
  return value as string;
}

export function sessionId(value: unknown, at: string): string {
  const id = text(value, at, 36);
  if (id !== '' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) fail(at, 'a UUID');
  return id;
}

export function count(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) fail(at, 'a whole number from 0');
  return value as number;
}

export function positive(value: unknown, at: string): number {
  const number = count(value, at);
  if (number === 0) fail(at, 'a whole number from 1');
  return number;
}

/** A forged window must not read the whole input into memory (I13). */
export function window(value: unknown, at: string): number {
  const batches = positive(value, at);
  if (batches > MAX_WINDOW) fail(at, `at most ${MAX_WINDOW} batches`);
  return batches;
}

export function amount(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) fail(at, 'a number from 0');
  return value as number;
}

export function oneOf<T extends string>(value: unknown, at: string, all: readonly T[]): T {
  const found = all.find((item) => item === value);
  return found ?? fail(at, `one of ${all.join(', ')}`);
}

/** Characters of a position as JSON. */
const MAX_POSITION = 16_384;

/** A position is opaque here: source and sink check it. It is bounded, and copied as text. */
export function position(value: unknown, at: string): JsonObject | null {
  if (value === null) return null;
  const json = JSON.stringify(object(value, at));
  if (json.length > MAX_POSITION) fail(at, `a position of at most ${MAX_POSITION} characters`);
  return JSON.parse(json) as JsonObject;
}
