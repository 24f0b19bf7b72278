/**
 * The input and output schemas of a stage, through Standard Schema (standardschema.dev): zod, valibot, arktype and others.
 *
 * The message for a row that does not fit gives the path and what the schema expected, never the value: messages reach
 * events, logs and checkpoints. Some libraries put the value into their messages (valibot "received …", arktype "(was …)").
 * That part is cut off, and the value is replaced by "…" wherever else it occurs.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { SchemaError } from '../errors.js';
import { kindOf } from '../formats/shape.js';
import { isThenable } from './thenable.js';

const MAX_MESSAGE = 200;
const MAX_PATH = 100;

export type Door = 'input' | 'output' | 'answer';

/** Either the row as the schema left it, or why it does not fit. */
export type Verdict =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** Validates a row. A schema that throws or rejects gives a failure with that error. */
export function validateRow(
  schema: StandardSchemaV1,
  row: unknown,
  stage: string,
  door: Door,
): Verdict | Promise<Verdict> {
  try {
    const result = schema['~standard'].validate(row);
    if (!isThenable(result)) return toVerdict(result, row, stage, door);
    return Promise.resolve(result).then((settled) => toVerdict(settled, row, stage, door), rejectRow);
  } catch (error) {
    return rejectRow(error);
  }
}

const rejectRow = (error: unknown): Verdict => ({ ok: false, error });

function toVerdict(
  result: StandardSchemaV1.Result<unknown>,
  row: unknown,
  stage: string,
  door: Door,
): Verdict {
  const { issues } = result;
  // After the standard, falsy issues mean success.
  if (!issues) return { ok: true, value: (result as StandardSchemaV1.SuccessResult<unknown>).value };
  return rejectRow(
    new SchemaError(
      `A row does not fit the ${door} schema of stage "${stage}"${explainIssues(issues, row)}.`,
    ),
  );
}

function explainIssues(issues: readonly StandardSchemaV1.Issue[], row: unknown): string {
  const [issue] = issues;
  if (issue === undefined) return '';
  // Not `path.map`: arktype's path is a subclass of Array with another constructor.
  const keys = Array.from(issue.path ?? [], (part) => (typeof part === 'object' ? part.key : part));
  const path = clip(pathText(keys), MAX_PATH);
  const value = valueAt(row, keys);
  const expected = clip(withoutValue(String(issue.message), value), MAX_MESSAGE).replace(/\.$/, '');
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return `${path === '' ? '' : ` at ${path}`}: ${expected}; got ${kindOf(value)}${more}`;
}

function pathText(keys: readonly PropertyKey[]): string {
  return keys
    .map((key) =>
      typeof key === 'number' || /^\d+$/.test(String(key)) ? `[${String(key)}]` : `.${String(key)}`,
    )
    .join('')
    .replace(/^\./, '');
}

function valueAt(row: unknown, keys: readonly PropertyKey[]): unknown {
  let value = row;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, key) ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return value;
}

/** The message up to the part with the value; the value is replaced wherever it still occurs. */
function withoutValue(message: string, value: unknown): string {
  const valuePart = message.search(/\s*(?:\(was\b|[,;]?\s*(?:but\s+)?received\b|[,;]?\s*(?:but\s+)?got\b)/i);
  let text = oneLine(valuePart > 0 ? message.slice(0, valuePart) : message);
  for (const form of textsOf(value)) text = text.split(form).join('…');
  return text;
}

/** How a value may occur in a message. Texts of one or two letters also occur in words, so only their quoted forms count. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') {
    const bare = oneLine(value);
    return [JSON.stringify(value), `'${value}'`, `\`${value}\``, ...(bare.length > 2 ? [value, bare] : [])];
  }
  if (typeof value === 'number' || typeof value === 'bigint')
    return String(value).length > 2 ? [String(value)] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((inner) => (typeof inner === 'object' ? [] : textsOf(inner)));
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const clip = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
