/**
 * Descriptions of values that come from a caller, a disk or a socket. One description gives the type, the check and the
 * message.
 *
 * 1. `read` returns a value made of checked fields only (I9). It throws `ShapeError` at the first field that does not fit.
 * 2. A message names the field, what it must be, and the kind of value that was given; never the value.
 */
import { InvalidOptionError } from '../errors.js';
import { isObject, type Json, type JsonLimits, type JsonObject, parseUntrusted } from './json.js';

/** What a value must be. */
export interface Shape<out T> {
  /** Completes "must be …". */
  readonly expected: string;
  /** A field of this shape may be absent. */
  readonly isOptional?: boolean;
  /** @param path names the value in messages. @throws {ShapeError} */
  read(value: unknown, path: string): T;
}

/** The type that a shape describes. */
export type Infer<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalKey<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never;
}[keyof F];
type ObjectOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKey<F>>]: Infer<F[K]> } & {
  readonly [K in OptionalKey<F>]?: Exclude<Infer<F[K]>, undefined>;
};

/** Why a value does not fit its shape. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** A shape from a test of the whole value. */
export function shape<T>(
  expected: string,
  fits: (value: unknown) => value is T,
): Shape<T> & { fits(value: unknown): value is T } {
  return {
    expected,
    fits,
    read: (value, path) => {
      if (fits(value)) return value;
      throw new ShapeError(`${path} must be ${expected}; got ${kindOf(value)}`);
    },
  };
}

/** Any value: who uses it checks it. */
export const anything = shape('a value', (_value): _value is unknown => true);
export const flag = shape('true or false', (value): value is boolean => typeof value === 'boolean');
export const json: Shape<Json> = shape('a JSON value', (value): value is Json => value !== undefined);
/** An object of a JSON document. */
export const jsonObject = shape('an object', (value): value is JsonObject => isObject(value));
// biome-ignore lint/complexity/noBannedTypes: any function; who calls it knows its type.
export const callable = shape('a function', (value): value is Function => typeof value === 'function');

/** Text of at most `max` characters. */
export function text(max: number, min = 0): Shape<string> {
  const expected =
    min === 0 ? `a text of at most ${max} characters` : `a text of ${min} to ${max} characters`;
  return shape(
    expected,
    (value): value is string => typeof value === 'string' && value.length >= min && value.length <= max,
  );
}

/** A whole number. @param unit for the message: ' of rows'. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER, unit = ''): Shape<number> {
  const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  return shape(
    `a whole number${unit} from ${min}${upTo}`,
    (value): value is number =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/** A finite number. @param what for the message: 'milliseconds'. */
export function amount(min: number, max = Number.MAX_VALUE, what = 'a number'): Shape<number> {
  const upTo = max === Number.MAX_VALUE ? '' : ` to ${max}`;
  return shape(
    `${what} from ${min}${upTo}`,
    (value): value is number => typeof value === 'number' && value >= min && value <= max,
  );
}

/** One of a few texts. */
export function oneOf<const T extends string>(all: readonly T[]): Shape<T> {
  const quoted = all.map((name) => `'${name}'`);
  const expected =
    quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  return shape(expected, (value): value is T => all.some((name) => name === value));
}

/** The field may be absent. */
export function optional<T>(inner: Shape<T>): Shape<T | undefined> & { readonly isOptional: true } {
  return {
    ...{ expected: inner.expected, isOptional: true },
    read: (value, path) => (value === undefined ? undefined : inner.read(value, path)),
  };
}

/** The field may be absent and has a default then. */
export function withDefault<T>(inner: Shape<T>, fallback: T): Shape<T> {
  return {
    expected: inner.expected,
    read: (value, path) => (value === undefined ? fallback : inner.read(value, path)),
  };
}

export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  const expected = `${inner.expected}, or null`;
  return { expected, read: (value, path) => (value === null ? null : inner.read(value, path)) };
}

/** An object of exactly these fields, as it is read from disk or a socket. The message does not quote an unknown key. */
export function object<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const required: Fields = Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [key, present(field)]),
  );
  return objectOf(required as F, (_, path) => `${path === '' ? 'it' : path} has an unknown field`);
}

/** An object with at least these fields, as another release may send it: other fields are left out. */
export function fieldsOf<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  return objectOf(fields);
}

function present<T>(field: Shape<T>): Shape<T> {
  if (field.isOptional) return field;
  return {
    ...field,
    read(value, path) {
      if (value === undefined) throw new ShapeError(`${path} is missing`);
      return field.read(value, path);
    },
  };
}

/** An object of options. The message names an unknown option and those that exist. */
export function options<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const known = Object.keys(fields).join(', ');
  return objectOf(fields, (key, path) => {
    const where = path === '' ? '' : ` in ${path}`;
    return `unknown option ${JSON.stringify(key.slice(0, 40))}${where}; known: ${known}`;
  });
}

/** An object with only these options, which are checked where they are used. */
export function optionsNamed(names: readonly string[]): Shape<object> {
  return options(Object.fromEntries(names.map((name) => [name, optional(anything)])));
}

function objectOf<F extends Fields>(
  fields: F,
  refuseKey?: (key: string, path: string) => string,
): Shape<ObjectOf<F>> {
  const expected = 'an object';
  return {
    expected,
    read(value, path) {
      if (!isObject(value)) throw new ShapeError(`${path || 'it'} must be ${expected}; got ${kindOf(value)}`);
      if (refuseKey !== undefined) {
        const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
        if (unknown !== undefined) throw new ShapeError(refuseKey(unknown, path));
      }
      const result: Record<string, unknown> = {};
      for (const [key, field] of Object.entries(fields)) {
        const given = Object.hasOwn(value, key) ? value[key] : undefined;
        const read = field.read(given, path === '' ? key : `${path}.${key}`);
        if (read !== undefined) result[key] = read;
      }
      return result as ObjectOf<F>;
    },
  };
}

/** Checks options of a caller. @param of whose they are, for the message: `pipeline()`, `Stage "x"`.
 * @throws {InvalidOptionError} */
export function readOptions<T>(of: string, described: Shape<T>, given: unknown): T {
  return asOptionError(of, () => described.read(given === undefined ? {} : given, ''));
}

/** Checks one option. @throws {InvalidOptionError} */
export function readOption<T>(of: string, name: string, described: Shape<T>, given: unknown): T {
  return asOptionError(of, () => described.read(given, name));
}

function asOptionError<T>(of: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const message = error.message.replace(/^it /, 'options ');
    throw new InvalidOptionError(`${of === '' ? '' : `${of}: `}${message}.`);
  }
}

/** Reads a text from disk or a socket. @returns undefined for anything but that shape. */
export function readText<T>(text: string, described: Shape<T>, limits: JsonLimits): T | undefined {
  try {
    return described.read(parseUntrusted(text, limits), '');
  } catch {
    return undefined;
  }
}

/** The kind of a value, without the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'object':
      return typeof (value as { readonly then?: unknown }).then === 'function' ? 'a promise' : 'an object';
    case 'number':
      return kindOfNumber(value);
    case 'string':
      return value === '' ? 'an empty text' : 'a text';
    case 'boolean':
      return 'true or false';
    default:
      return `a ${typeof value}`;
  }
}

function kindOfNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return 'an infinite number';
  if (value === 0) return 'zero';
  if (value < 0) return 'a negative number';
  return Number.isInteger(value) ? 'a number' : 'a fraction';
}
