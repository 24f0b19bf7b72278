/**
 * The column types of a Parquet output: what a value must be, how it waits in the working file, and how it is written.
 *
 * A value that its column cannot keep is refused when the row is encoded, not when the file is made: digits beyond an integer or a
 * decimal, `NaN`, a date that is none.
 */
import type { SchemaElement } from 'hyparquet';
import { isObject } from '../formats/json.js';
import { type Shape, ShapeError } from '../formats/shape.js';

/** The type of a column; all columns may hold null. `decimal(p,s)`: up to 18 digits, `s` of them behind the point. */
export type ParquetType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'date'
  | 'timestamp'
  | 'json'
  | `decimal(${number},${number})`;

/** A value in the working file. */
type Stored = string | number | boolean | object | null;

/** How the file describes a column. */
type ColumnSchema = Pick<
  SchemaElement,
  'name' | 'repetition_type' | 'type' | 'converted_type' | 'precision' | 'scale'
>;

/** A column of the output. */
export interface ParquetColumn {
  readonly name: string;
  readonly schema: ColumnSchema;
  /** What a value must be, for messages. */
  readonly expected: string;
  /** @returns undefined: the column cannot keep the value. Null stays null. */
  store(value: unknown): Stored | undefined;
  /** What the writer takes. */
  restore(stored: Stored): unknown;
}

type Kind = Omit<ParquetColumn, 'name' | 'schema'> & {
  readonly schema: Omit<ColumnSchema, 'name' | 'repetition_type'>;
};

const same = (stored: Stored): unknown => stored;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_INT64 = 2n ** 63n - 1n;
const DAY_MS = 86_400_000;
const MAX_DIGITS = 18;

const KINDS: Readonly<Record<string, Kind>> = {
  string: {
    expected: 'a text',
    schema: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    store: (value) => (typeof value === 'string' ? value : undefined),
    restore: same,
  },
  boolean: {
    expected: 'true or false',
    schema: { type: 'BOOLEAN' },
    store: (value) => (typeof value === 'boolean' ? value : undefined),
    restore: same,
  },
  int32: {
    expected: 'a whole number of 32 bits',
    schema: { type: 'INT32' },
    store: (value) =>
      Number.isInteger(value) && Math.abs(value as number) <= MAX_INT32 ? (value as number) : undefined,
    restore: same,
  },
  int64: {
    expected: 'a whole number of 64 bits, as a number, a bigint or digits',
    schema: { type: 'INT64' },
    store: storedInt64,
    restore: (stored) => BigInt(stored as string | number),
  },
  double: {
    expected: 'a finite number',
    schema: { type: 'DOUBLE' },
    store: (value) => (Number.isFinite(value) ? (value as number) : undefined),
    restore: same,
  },
  date: {
    expected: "a Date, or a text like '2026-11-28'",
    schema: { type: 'INT32', converted_type: 'DATE' },
    store(value) {
      const isDay = typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value);
      const ms = isDay || value instanceof Date ? millisecondsOf(value) : undefined;
      if (ms === undefined || (isDay && new Date(ms).toISOString().slice(0, 10) !== value)) return undefined;
      return Math.floor(ms / DAY_MS);
    },
    restore: same,
  },
  timestamp: {
    expected: "a Date, or a text like '2026-11-28T09:30:00.000Z' without digits beyond milliseconds",
    schema: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
    store: (value) =>
      value instanceof Date || (typeof value === 'string' && TIMESTAMP.test(value))
        ? millisecondsOf(value)
        : undefined,
    restore: (stored) => BigInt(stored as number),
  },
  json: {
    expected: 'a JSON value',
    schema: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
    store: (value) => (JSON.stringify(value) === undefined ? undefined : (value as Stored)),
    restore: same,
  },
};

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3}0*)?)?(Z|[+-]\d\d:\d\d)$/;

function millisecondsOf(value: string | Date): number | undefined {
  const ms = value instanceof Date ? value.getTime() : Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

function storedInt64(value: unknown): Stored | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  const isDigits = typeof value === 'string' && /^-?\d{1,19}$/.test(value);
  if (!isDigits && typeof value !== 'bigint') return undefined;
  const whole = BigInt(value);
  return whole > MAX_INT64 || whole < -MAX_INT64 - 1n ? undefined : String(whole);
}

function decimal(precision: number, scale: number): Kind {
  return {
    expected: `a number or digits with at most ${precision} digits, ${scale} of them behind the point`,
    schema: { type: 'INT64', converted_type: 'DECIMAL', precision, scale },
    store(value) {
      const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
      const parts = typeof text === 'string' ? /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) : null;
      if (parts === null) return undefined;
      const [, sign = '', whole = '', behind = ''] = parts;
      const fraction = behind.replace(/0+$/, '');
      const digits = (whole + fraction.padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
      return fraction.length > scale || digits.length > precision ? undefined : sign + digits;
    },
    restore: (stored) => BigInt(stored as string),
  };
}

function kindOf(type: unknown): Kind | undefined {
  if (typeof type !== 'string') return undefined;
  if (Object.hasOwn(KINDS, type)) return KINDS[type];
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)$/.exec(type.replaceAll(' ', '')) ?? [];
  const [digits, behind] = [Number(precision), Number(scale)];
  return digits >= 1 && digits <= MAX_DIGITS && behind <= digits ? decimal(digits, behind) : undefined;
}

const TYPES = `${Object.keys(KINDS).join(', ')} or decimal(p,s) with p up to ${MAX_DIGITS}`;

/** An object from names to types. */
export const columnTypes: Shape<readonly ParquetColumn[]> = {
  expected: `an object from column names to types: ${TYPES}`,
  read(value, path) {
    if (!isObject(value) || Object.keys(value).length === 0)
      throw new ShapeError(`${path} must be ${columnTypes.expected}`);
    return Object.entries(value).map(([name, type]) => {
      const kind = kindOf(type);
      if (kind === undefined) throw new ShapeError(`${path}.${name.slice(0, 40)} must be a type: ${TYPES}`);
      const { store, ...rest } = kind;
      return {
        ...{ ...rest, name, schema: { name, repetition_type: 'OPTIONAL' as const, ...kind.schema } },
        store: (given: unknown) => (given === null || given === undefined ? null : store(given)),
      };
    });
  },
};
