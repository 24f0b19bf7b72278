import type { ErrorData } from '../../machines/context.js';
import { codeOf, messageOf } from '../errors.js';

const MAX_MESSAGE = 300;

/** An error as data, bounded: what events, snapshots and checkpoints may carry of it. */
export function errorData(error: unknown): ErrorData {
  const name = error instanceof Error ? error.name : typeof error;
  const message = messageOf(error);
  return {
    name: name.slice(0, 100),
    code: codeOf(error).slice(0, 100),
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message,
  };
}
