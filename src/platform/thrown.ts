/** What can be read from anything thrown: an error of any realm, a plain object, a primitive. Nothing here throws. */
import type { ErrorData } from '../../machines/context.js';

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

/** The message of anything thrown: its text, or what describes it. */
export function messageOf(thrown: unknown): string {
  return (
    textField(thrown, 'message') ??
    textField(field(thrown, 'error'), 'message') ??
    textField(thrown, 'error') ??
    textField(thrown, 'name') ??
    answerText(thrown) ??
    printed(thrown)
  );
}

/** A `Response` that was thrown: its status and its address, without the query, which may hold a key. */
function answerText(thrown: unknown): string | undefined {
  const status = field(thrown, 'status');
  const url = field(thrown, 'url');
  if (typeof status !== 'number' || typeof url !== 'string') return undefined;
  const text = textField(thrown, 'statusText');
  const address = url.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
  return `HTTP ${status}${text === undefined ? '' : ` ${text}`}${address === '' ? '' : ` from ${address}`}`;
}

/** The `code` of an error that carries one (ours, Node's), else its name, else its type. */
export function codeOf(thrown: unknown): string {
  const code = field(thrown, 'code');
  if (typeof code === 'string' && code !== '') return code;
  return textField(thrown, 'name') ?? (typeof code === 'number' ? String(code) : typeof thrown);
}

/** The name of an error, else the type of what was thrown. */
export function nameOf(thrown: unknown): string {
  return textField(thrown, 'name') ?? typeof thrown;
}

/** The `stack` of anything thrown. */
export function stackOf(thrown: unknown): string | undefined {
  return textField(thrown, 'stack');
}

/** The `cause` of anything thrown. */
export function causeOf(thrown: unknown): unknown {
  return field(thrown, 'cause');
}

function textField(thrown: unknown, key: string): string | undefined {
  const value = field(thrown, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** By shape, not by class: an error may come from another realm. Its getters may throw. */
export function field(thrown: unknown, key: PropertyKey): unknown {
  if (thrown === null || (typeof thrown !== 'object' && typeof thrown !== 'function')) return undefined;
  try {
    return (thrown as Readonly<Record<PropertyKey, unknown>>)[key];
  } catch {
    return undefined;
  }
}

function printed(thrown: unknown): string {
  try {
    const text = String(thrown);
    if (text !== '[object Object]') return text;
    const keys = Object.keys(thrown as object).slice(0, 10);
    return `an object without a message was thrown${keys.length > 0 ? ` (${keys.join(', ')})` : ''}`;
  } catch {
    return 'an unprintable value was thrown';
  }
}
