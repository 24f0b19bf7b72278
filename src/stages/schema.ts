/**
 * Schemas at a stage's doors, through Standard Schema (standardschema.dev): zod, valibot, arktype and others alike.
 *
 * A misfit is told by its path and by what the schema expected, never by the value: messages reach events, logs and
 * checkpoints. Some libraries put the value into their messages (valibot "received …", arktype "(was …)"), so that
 * part is cut off and what remains of the value is blotted out.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { SchemaError } from '../errors.js';
import { kindOf } from '../formats/shape.js';
import { isThenable } from './thenable.js';

const MAX_MESSAGE = 200;
const MAX_PATH = 100;

export type Door = 'input' | 'output';

/** Either the row as the schema left it, or why it does not fit. */
export type Verdict =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** What a schema says about a row; a schema that throws or rejects is a misfit with that error. */
export function validateRow(
  schema: StandardSchemaV1,
  row: unknown,
  stage: string,
  door: Door,
): Verdict | Promise<Verdict> {
  try {
    const result = schema['~standard'].validate(row);
    if (!isThenable(result)) return verdict(result, row, stage, door);
    return Promise.resolve(result).then((settled) => verdict(settled, row, stage, door), misfit);
  } catch (error) {
    return misfit(error);
  }
}

const misfit = (error: unknown): Verdict => ({ ok: false, error });

function verdict(result: StandardSchemaV1.Result<unknown>, row: unknown, stage: string, door: Door): Verdict {
  const { issues } = result;
  // The standard: falsy issues are success, whatever else is there.
  if (!issues) return { ok: true, value: (result as StandardSchemaV1.SuccessResult<unknown>).value };
  return misfit(
    new SchemaError(`A row does not fit the ${door} schema of stage "${stage}"${explain(issues, row)}.`),
  );
}

function explain(issues: readonly StandardSchemaV1.Issue[], row: unknown): string {
  const [issue] = issues;
  if (issue === undefined) return '';
  // Not `path.map`: arktype's path is a subclass of Array whose constructor takes the parts.
  const keys = Array.from(issue.path ?? [], (part) => (typeof part === 'object' ? part.key : part));
  const path = clip(pathText(keys), MAX_PATH);
  const value = valueAt(row, keys);
  const said = clip(withoutValue(String(issue.message), value), MAX_MESSAGE).replace(/\.$/, '');
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return `${path === '' ? '' : ` at ${path}`}: ${said}; got ${kindOf(value)}${more}`;
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

/** The message up to where libraries tell what they got; the value itself is blotted out wherever it still stands. */
function withoutValue(message: string, value: unknown): string {
  const told = message.search(/\s*(?:\(was\b|[,;]?\s*(?:but\s+)?received\b|[,;]?\s*(?:but\s+)?got\b)/i);
  let text = oneLine(told > 0 ? message.slice(0, told) : message);
  for (const form of forms(value)) text = text.split(form).join('…');
  return text;
}

/** How a value may stand in a message. Texts of one or two letters are found in words, so only their quoted forms. */
function forms(value: unknown): string[] {
  if (typeof value === 'string') {
    const bare = oneLine(value);
    return [JSON.stringify(value), `'${value}'`, `\`${value}\``, ...(bare.length > 2 ? [value, bare] : [])];
  }
  if (typeof value === 'number' || typeof value === 'bigint')
    return String(value).length > 2 ? [String(value)] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((inner) => (typeof inner === 'object' ? [] : forms(inner)));
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const clip = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
