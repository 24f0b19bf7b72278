/** Errors on their way between threads: name, code, message, stack and cause survive. */
import { isPipelineError, PipelineError } from '../../errors.js';
import { causeOf, codeOf, messageOf, nameOf, stackOf } from '../../platform/thrown.js';

/** What is sent of an error. */
export interface SerializedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** It is one of the product's own. */
  readonly isOurs: boolean;
  readonly cause: SerializedError | undefined;
}

/** Longer chains of causes are cut. */
const MAX_CAUSES = 8;

export function serializeError(thrown: unknown, depth = 0): SerializedError {
  const cause = causeOf(thrown);
  return {
    name: nameOf(thrown),
    code: codeOf(thrown),
    message: messageOf(thrown),
    stack: stackOf(thrown),
    isOurs: isPipelineError(thrown),
    cause: cause === undefined || depth === MAX_CAUSES ? undefined : serializeError(cause, depth + 1),
  };
}

/** An error of ours that was thrown in another thread. */
class ReceivedError extends PipelineError {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The error again, with its stack in the thread where it was thrown. */
export function deserializeError({ name, code, message, stack, isOurs, cause }: SerializedError): Error {
  const options = cause === undefined ? undefined : { cause: deserializeError(cause) };
  const error = isOurs ? new ReceivedError(code, message, options) : new Error(message, options);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return isOurs || code === name ? error : Object.assign(error, { code });
}
