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
  /** The provider says that it has given this answer before, for the same idempotency key. */
  readonly isReplayed: boolean;
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
    const { text, finishReason, usage, response } = await generateText({
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
    return { text, finishReason, usage, isReplayed: isReplayed(response.headers) };
  } catch (error) {
    signal.throwIfAborted();
    // The answer is no JSON, but it was paid for.
    if (NoObjectGeneratedError.isInstance(error))
      return {
        ...{ text: error.text ?? '', finishReason: error.finishReason ?? 'unknown', usage: error.usage },
        isReplayed: isReplayed((error.response as { headers?: Headers } | undefined)?.headers),
      };
    throw cleanError(error, [message, instructions]);
  }
}

type Headers = Readonly<Record<string, string>>;

/** The header is Stripe's, and that of services that follow it. */
function isReplayed(headers: Headers | undefined): boolean {
  return Object.entries(headers ?? {}).some(
    ([name, value]) => name.toLowerCase() === 'idempotent-replayed' && value === 'true',
  );
}

/** A header holds ASCII: a key with other characters is hashed. */
function headerText(key: string): string {
  return /^[\x21-\x7e ]*$/.test(key) ? key : sha256(key);
}
