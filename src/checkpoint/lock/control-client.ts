/** Sends commands to the process that owns a session, from any process that can read the session's directory. */
import { join } from 'node:path';
import { ControlError, NoOwnerError } from '../../errors.js';
import { isObject, type JsonObject } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { codeOf } from '../../platform/thrown.js';
import { ask, MAX_OWNER_FILE_BYTES, OWNER_FILE, tokenIn } from './control-protocol.js';
import type { ControlCommand } from './lock.js';
import { lockOwner } from './lock-owner.js';

export interface ControlRequest {
  /** The session's directory. */
  readonly directory: string;
  readonly sessionId: string;
  readonly command: ControlCommand;
  /** What the command needs. */
  readonly value?: JsonObject | undefined;
  /** How long to wait for the answer, in milliseconds. `pause` is answered when the batches in flight are committed. */
  readonly timeoutMs: number;
  /** Whose kind of socket to use. Default: this one's. */
  readonly platform?: NodeJS.Platform;
  /** For the owner's file. Default: the real one. */
  readonly fileSystem?: FileSystem;
}

/** Sends a command to the owner of a session and resolves to its answer.
 * @throws {NoOwnerError} when no process runs the session.
 * @throws {ControlError} when the owner refuses, is silent for `timeoutMs`, or ends before it answers. */
export async function sendControl(request: ControlRequest): Promise<JsonObject> {
  const { command, timeoutMs } = request;
  let token = '';
  for (;;) {
    const { answer, token: used } = await askOwner(request);
    if (answer === 'silent') {
      throw refused(
        request,
        `did not answer within ${timeoutMs} ms. It may still carry the command out: ask for its status`,
      );
    }
    if (answer === 'closed') throw refused(request, 'ended, or closed the connection, before it answered');
    if (answer === 'malformed') throw refused(request, 'sent a malformed answer');
    if (!isObject(answer.error)) return answer;
    const { code, message } = answer.error;
    // The file was a former owner's: the present owner had not written its own yet.
    if (code === 'DENIED' && used !== token) {
      token = used;
      continue;
    }
    throw new ControlError(
      `The owner of session ${request.sessionId} refused to ${command}: ${String(message).slice(0, 1000)}`,
      String(code),
    );
  }
}

async function askOwner(request: ControlRequest) {
  const { directory, sessionId, command, value, timeoutMs, platform } = request;
  const token = await readToken(request);
  const owner = await lockOwner(directory, sessionId, platform);
  if (owner === undefined) throw new NoOwnerError(sessionId);
  if (owner.socket === undefined) throw refused(request, 'is too busy to answer. Try again');
  if (token === undefined) {
    owner.socket.destroy();
    throw refused(request, 'is starting or ending. Try again');
  }
  return { token, answer: await ask(owner.socket, { token, command, ...(value && { value }) }, timeoutMs) };
}

/** Undefined: there is no file. Empty: the file has no token. */
async function readToken({ directory, fileSystem = nodeFileSystem }: ControlRequest) {
  try {
    const file = await fileSystem.readFile(join(directory, OWNER_FILE), MAX_OWNER_FILE_BYTES);
    return tokenIn(new TextDecoder().decode(file));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const refused = ({ sessionId }: ControlRequest, what: string): ControlError =>
  new ControlError(`The owner of session ${sessionId} ${what}.`);
