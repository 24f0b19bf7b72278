/** The options of `llm()`, checked at the definition; what shapes the answers gives the stage's version. */
import type { LanguageModel } from 'ai';
import { sha256 } from '#sha256';
import { InvalidOptionError } from '../errors.js';
import { canonicalJson, isObject, type Json } from '../formats/json.js';
import { amount, callable, optional, options, readOption, text } from '../formats/shape.js';
import { type CachedAnswers, cachedAnswers } from '../stages/cache/cached-answers.js';
import type { BatchStageOptions } from '../stages/define.js';
import { type CheckedSchema, checkSchema } from './answer-schema.js';
import { PROTOCOL } from './items.js';
import type { LlmOptions, LlmSettings } from './options.js';
import type { LlmPrice } from './price.js';

export interface CheckedLlm {
  readonly name: string;
  readonly model: LanguageModel;
  /** The whole system message. */
  readonly instructions: string;
  readonly prompt: (row: unknown) => unknown;
  readonly merge: (row: unknown, answer: unknown) => unknown;
  readonly price: LlmPrice | undefined;
  readonly version: string;
  readonly schema: CheckedSchema;
  /** Answers, by prompt: `merge` is not part of them. */
  readonly cached: CachedAnswers | undefined;
  readonly settings: LlmSettings;
  /** For `defineStage`, which checks them. */
  readonly rest: Omit<BatchStageOptions<unknown, unknown>, 'process'>;
}

const dollars = amount(0, Number.MAX_VALUE, 'US dollars');
const PRICE = options({
  usdPerMillionInputTokens: dollars,
  usdPerMillionOutputTokens: dollars,
  usdPerMillionCachedInputTokens: optional(dollars),
  usdPerCall: optional(dollars),
});
const INSTRUCTIONS = optional(text(1_000_000));

/** @throws {InvalidOptionError} */
export function checkOptions(given: LlmOptions<unknown, unknown, unknown>): CheckedLlm {
  if (!isObject(given)) throw new InvalidOptionError('llm() needs an object of options.');
  const { model, instructions, prompt, output, merge, price, ...others } = given;
  const { maxOutputTokens, temperature, topP, seed, providerOptions, headers, telemetry, cache, ...rest } =
    others;
  const of = `Stage "${String(rest.name)}"`;
  const isModel = typeof model === 'string' || isObject(model);
  if (!isModel) throw new InvalidOptionError(`${of}: model must be a language model of the AI SDK.`);
  const settings = { maxOutputTokens, temperature, topP, seed, providerOptions, headers, telemetry };
  const own = readOption(of, 'instructions', INSTRUCTIONS, instructions);
  const checked = {
    name: rest.name,
    model,
    instructions: own === undefined ? PROTOCOL : `${own}\n\n${PROTOCOL}`,
    prompt: readOption(of, 'prompt', callable, prompt) as CheckedLlm['prompt'],
    merge: (readOption(of, 'merge', optional(callable), merge) ?? mergeFields) as CheckedLlm['merge'],
    price: readOption(of, 'price', optional(PRICE), price) as LlmPrice | undefined,
    schema: checkSchema(rest.name, output),
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
    rest,
  };
  const version = rest.version ?? versionOf(checked);
  const cached = cachedAnswers(rest.name, rest.durable ?? true, cache, checked.prompt, () => ({
    name: rest.name,
    version,
  }));
  return { ...checked, version, cached };
}

function mergeFields(row: unknown, answer: unknown): unknown {
  return { ...(row as object), ...(answer as object) };
}

const VERSION_LENGTH = 16;

/** Neither `headers`, `telemetry`, `price` nor `rowsPerCall` shape what an answer is. */
function versionOf({
  model,
  instructions,
  prompt,
  merge,
  schema,
  settings,
}: Omit<CheckedLlm, 'version' | 'cached'>) {
  const { headers: _, telemetry: __, ...shaping } = settings;
  const parts: Json = {
    model: typeof model === 'string' ? model : `${model.provider} ${model.modelId}`,
    instructions,
    prompt: String(prompt),
    merge: String(merge),
    schema: schema.own,
    settings: shaping as Json,
  };
  return sha256(canonicalJson(parts)).slice(0, VERSION_LENGTH);
}
