/**
 * Errors of the AI SDK, without what they carry of prompts and answers: they reach events, logs and checkpoints.
 *
 * Kept: status, headers and error codes, which `httpErrors()` reads, and the provider's message unless it quotes the prompt. Of
 * errors about the answer, the name is kept: their messages quote it.
 */

import { StageError } from '../errors.js';
import { codeOf, field, messageOf, nameOf } from '../platform/thrown.js';
import { HttpError } from '../stages/failures/http-error.js';

const MAX_MESSAGE = 200;
/** A message that shares so many characters in a row with the prompt quotes it. */
const QUOTE_LENGTH = 16;

/** A mistake in the pipeline or its environment: every row would fail the same way. */
const MISTAKES =
  /^AI_(LoadAPIKey|LoadSetting|NoSuchModel|NoSuchProvider|UnsupportedModelVersion|InvalidPrompt)Error$/;

/** A mistake in the stage or in the provider's setup: the run has to stop. */
export class ModelSetupError extends StageError {}

/** @param secret texts that must not be in the message */
export function cleanError(error: unknown, secret: readonly string[]): unknown {
  const name = nameOf(error);
  if (name === 'AbortError' || !name.startsWith('AI_')) return error;
  const said =
    name === 'AI_APICallError' || MISTAKES.test(name) ? sayable(messageOf(error), secret) : `${name}.`;
  if (MISTAKES.test(name)) return new ModelSetupError(`The model cannot be called: ${said}`);
  const status = field(error, 'statusCode');
  if (name === 'AI_APICallError' && typeof status === 'number' && status >= 300)
    return new HttpError(
      `The model's provider answered ${status}: ${said}`,
      status,
      (field(error, 'responseHeaders') ?? {}) as Record<string, string>,
      String(field(error, 'responseBody') ?? ''),
    );
  return new StageError(`The call of the model failed: ${said}`, { cause: networkCause(error) });
}

/** What broke the connection. Other causes may hold the answer. */
function networkCause(error: unknown): unknown {
  const cause = field(error, 'cause');
  if (cause === undefined || nameOf(cause).startsWith('AI_')) return undefined;
  const inner = field(cause, 'cause');
  return Object.assign(new Error(messageOf(cause)), {
    code: codeOf(inner ?? cause),
    name: nameOf(cause),
  });
}

function sayable(message: string, secret: readonly string[]): string {
  const text = message.replace(/\s+/g, ' ').trim();
  const hidden = secret.map((one) => one.replace(/\s+/g, ' '));
  const last = Math.max(0, text.length - QUOTE_LENGTH);
  for (let i = 0; i <= last; i++) {
    const part = text.slice(i, i + QUOTE_LENGTH);
    if (hidden.some((one) => one.includes(part))) return 'its message quotes the prompt and is left out.';
  }
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}
