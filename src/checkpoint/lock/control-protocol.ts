/**
 * The protocol between the owner of a session and its clients: one line of JSON each way.
 *
 *     {"command":"owner"}                         → {"pid":123}             for every client: process ids are no secret
 *     {"token":"…","command":"pause|cancel|…"}    → the handler's answer   for clients that can read `owner.json` (0600)
 *     {"token":"…","command":"tune","value":{…}}  → what is in force
 *     anything else                               → {"error":{"code":"…","message":"…"}}, then the connection is closed
 *
 * Unknown fields are ignored: client and owner may be of different releases.
 */
import type { Socket } from 'node:net';
import type { JsonObject } from '../../formats/json.js';
import { jsonObject, object, readText, text, whole } from '../../formats/shape.js';
import type { ControlCommand } from './lock.js';

export const CONTROL_COMMANDS: readonly ControlCommand[] = ['pause', 'cancel', 'status', 'record', 'tune'];
/** Bytes of a request, its line end included. */
export const MAX_REQUEST_BYTES = 4096;
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** In the session's directory: `{ "pid": …, "token": … }`. */
export const OWNER_FILE = 'owner.json';
export const MAX_OWNER_FILE_BYTES = 4096;
const MAX_DEPTH = 32;

const OWNER = object({ pid: whole(0), token: text(1000) });

/** The token in an owner's file; '' when there is none in it. */
export function tokenIn(file: string): string {
  return readText(file, OWNER, { maxLength: MAX_OWNER_FILE_BYTES, maxDepth: 2 })?.token ?? '';
}

/** A line as a JSON object; undefined for anything else. */
export function parseLine(line: string, maxBytes: number): JsonObject | undefined {
  return readText(line, jsonObject, { maxLength: maxBytes, maxDepth: MAX_DEPTH });
}

/** Sends one request, waits for its answer, and closes the socket.
 * @returns 'silent': no answer within `timeoutMs`; 'closed': the connection ended; 'malformed': not a line of JSON. */
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
