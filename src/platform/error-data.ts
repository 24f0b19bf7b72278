import type { ErrorData } from '../../machines/context.js';
import { codeOf, messageOf, nameOf } from './thrown.js';

const MAX_MESSAGE = 300;

/** An error as bounded data, for events, snapshots and checkpoints. Total: every thrown value gives data that a checkpoint
 * can hold (I27). */
export function errorData(error: unknown): ErrorData {
  const message = messageOf(error);
  return {
    name: nameOf(error).slice(0, 100),
    code: codeOf(error).slice(0, 100),
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message,
  };
}
