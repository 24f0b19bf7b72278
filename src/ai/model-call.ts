/** One request to a model, through the AI SDK: no retry, no telemetry, no tools. */
import {
  generateText,
  jsonSchema,
  type LanguageModel,
  type LanguageModelUsage,
  NoObjectGeneratedError,
  Output,
} from 'ai';
import { sha256 } from '#sha256';
import type { CheckedSchema } from './answer-schema.js';
import { cleanError } from './model-errors.js';
import type { LlmSettings } from './options.js';

export interface ModelRequest {
  readonly instructions: string;
  readonly message: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

export interface ModelAnswer {
  readonly text: string;
  /** Of the AI SDK: 'stop', 'length', 'content-filter' … */
  readonly finishReason: string;
  readonly usage: LanguageModelUsage | undefined;
}

/** Asks the model once.
 * @throws what `cleanError` makes of the SDK's errors, or the signal's reason. */
export async function askModel(
  model: LanguageModel,
  schema: CheckedSchema,
  settings: LlmSettings,
  { instructions, message, idempotencyKey, signal }: ModelRequest,
): Promise<ModelAnswer> {
  const { headers, telemetry, ...call } = settings;
  try {
    const { text, finishReason, usage } = await generateText({
      ...call,
      model,
      system: instructions,
      prompt: message,
      // Checked by us, row by row: the SDK would refuse the whole answer for one row.
      output: Output.object({ schema: jsonSchema(schema.whole) }),
      maxRetries: 0,
      abortSignal: signal,
      headers: { 'Idempotency-Key': headerText(idempotencyKey), ...headers },
      experimental_telemetry: telemetry ?? { isEnabled: false, recordInputs: false, recordOutputs: false },
    });
    return { text, finishReason, usage };
  } catch (error) {
    signal.throwIfAborted();
    // The answer is no JSON, but it was paid for.
    if (NoObjectGeneratedError.isInstance(error))
      return { text: error.text ?? '', finishReason: error.finishReason ?? 'unknown', usage: error.usage };
    throw cleanError(error, [message, instructions]);
  }
}

/** A header holds ASCII: a key with other characters is hashed. */
function headerText(key: string): string {
  return /^[\x21-\x7e ]*$/.test(key) ? key : sha256(key);
}
