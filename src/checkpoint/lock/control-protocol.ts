/**
 * What an owner and its visitors say to each other: one line of JSON each way.
 *
 *     {"command":"owner"}                         → {"pid":123}             to anyone: process ids are no secret
 *     {"token":"…","command":"pause|cancel|…"}    → the handler's answer   to who can read `owner.json` (0600)
 *     anything else                               → {"error":{"code":"…","message":"…"}}, and the line is closed
 */
import type { Socket } from 'node:net';
import { isObject, type JsonObject, parseUntrusted } from '../../formats/json.js';
import type { ControlCommand } from './lock.js';

export const CONTROL_COMMANDS: readonly ControlCommand[] = ['pause', 'cancel', 'status', 'record'];
/** Bytes of a request, its line end included. */
export const MAX_REQUEST_BYTES = 4096;
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** In the session's directory: `{ "pid": …, "token": … }`. */
export const OWNER_FILE = 'owner.json';
export const MAX_OWNER_FILE_BYTES = 4096;
const MAX_DEPTH = 32;

/** A line as a JSON object; undefined for anything else. */
export function parseLine(line: string, maxBytes: number): JsonObject | undefined {
  try {
    const value = parseUntrusted(line, { maxLength: maxBytes, maxDepth: MAX_DEPTH });
    return isObject(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Sends one request and waits for its answer; the socket is closed afterwards.
 * @returns 'silent' when none came within `timeoutMs`, 'closed' when the line was cut, 'malformed' when it was not one. */
export function ask(
  socket: Socket,
  request: JsonObject,
  timeoutMs: number,
): Promise<JsonObject | 'silent' | 'closed' | 'malformed'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (answer: JsonObject | 'silent' | 'closed' | 'malformed') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('silent'), timeoutMs);
    if (socket.destroyed) return finish('closed');
    socket.on('error', () => finish('closed'));
    socket.on('close', () => finish('closed'));
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(10);
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
      bytes += chunk.length;
      if (end >= 0) {
        finish(parseLine(Buffer.concat(chunks).toString('utf8'), MAX_ANSWER_BYTES) ?? 'malformed');
      } else if (bytes > MAX_ANSWER_BYTES) finish('malformed');
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}
