/**
 * The schema of an answer: as JSON Schema for the model, and as a check of what came back.
 *
 * The user's schema stands under `answers[].answer`, so that it may be of any type and have an `id` of its own. References
 * inside it (`$ref`) are moved with it.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { asSchema, type JSONSchema7, type Schema } from 'ai';
import { InvalidOptionError } from '../errors.js';
import { isObject, type Json } from '../formats/json.js';
import { messageOf } from '../platform/thrown.js';
import { validateRow } from '../stages/schema.js';
import { isThenable } from '../stages/thenable.js';
import { AnswerError } from './answer-error.js';

/** A Standard Schema that gives JSON Schema (zod 4, arktype), or what `jsonSchema()` of the AI SDK makes. */
export type AnswerSchema<Answer> = StandardSchemaV1<unknown, Answer> | Schema<Answer>;

export interface CheckedSchema {
  /** Of the whole answer of a call. */
  readonly whole: JSONSchema7;
  /** The user's. */
  readonly own: Json;
  /** @throws {AnswerError} (or rejects with it) */
  check(answer: unknown): Promise<unknown>;
}

/** @throws {InvalidOptionError} unless `schema` gives JSON Schema. */
export function checkSchema(stage: string, schema: unknown): CheckedSchema {
  const own = jsonSchemaOf(stage, schema);
  const isStandard = typeof schema !== 'object' || schema === null ? true : '~standard' in schema;
  return {
    own: own as Json,
    whole: wholeSchema(own),
    check: isStandard
      ? (answer) => checkStandard(stage, schema as StandardSchemaV1, answer)
      : (answer) => checkOwn(schema as Schema<unknown>, answer),
  };
}

function jsonSchemaOf(stage: string, schema: unknown): JSONSchema7 {
  const advice =
    'Give a zod 4 schema, another Standard Schema that has JSON Schema, or jsonSchema() of the AI SDK.';
  const refuse = (why: string, cause?: unknown) =>
    new InvalidOptionError(`Stage "${stage}": output ${why}. ${advice}`, { cause });
  const isSchema = (typeof schema === 'object' && schema !== null) || typeof schema === 'function';
  if (!isSchema) throw refuse('must be a schema');
  let json: unknown;
  try {
    json = asSchema(schema as Schema<unknown>).jsonSchema;
  } catch (error) {
    throw refuse(`gives no JSON Schema: ${messageOf(error)}`.replace(/\.$/, ''), error);
  }
  if (isThenable(json)) throw refuse('gives its JSON Schema asynchronously');
  if (!isObject(json)) throw refuse('gives no JSON Schema');
  // A copy without what JSON cannot hold, and without the dialect, which stands at the top alone.
  const { $schema: _, ...own } = JSON.parse(JSON.stringify(json)) as JSONSchema7;
  return own;
}

const OWN = 'answer';

function wholeSchema(own: JSONSchema7): JSONSchema7 {
  const hasReferences = JSON.stringify(own).includes('"$ref"');
  const answer = hasReferences ? { $ref: `#/$defs/${OWN}` } : own;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: {
      answers: {
        type: 'array',
        items: {
          type: 'object',
          properties: { id: { type: 'string' }, answer },
          required: ['id', 'answer'],
          additionalProperties: false,
        },
      },
    },
    required: ['answers'],
    additionalProperties: false,
    ...(hasReferences ? { $defs: { [OWN]: moved(own) as JSONSchema7 } } : {}),
  };
}

/** The schema with its references pointing to where it is now. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' && inner.startsWith('#')
        ? `#/$defs/${OWN}${inner.slice(1)}`
        : moved(inner),
    ]),
  );
}

async function checkStandard(stage: string, schema: StandardSchemaV1, answer: unknown): Promise<unknown> {
  const verdict = await validateRow(schema, answer, stage, 'answer');
  if (verdict.ok) return verdict.value;
  throw new AnswerError('not-fitting', messageOf(verdict.error));
}

/** Its messages may quote the answer, so they are left out. */
async function checkOwn({ validate }: Schema<unknown>, answer: unknown): Promise<unknown> {
  const result = await validate?.(answer);
  if (result === undefined) return answer;
  if (result.success) return result.value;
  throw new AnswerError('not-fitting', "The model's answer does not fit the schema.");
}
