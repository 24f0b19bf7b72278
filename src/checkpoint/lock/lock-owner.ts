/** The present owner of a session's lock (I10), asked of the lock itself: the writer of a file may have ended. */
import { codeOf } from '../../platform/thrown.js';
import { ask } from './control-protocol.js';
import { lockSocket, type Owner } from './lock-socket.js';

/** @param directory the session's. @param platform whose kind of socket; default: this one's.
 * @returns undefined: there is no owner, or no such directory. */
export async function lockOwner(
  directory: string,
  sessionId: string,
  platform?: NodeJS.Platform,
): Promise<Owner | undefined> {
  try {
    return await (await lockSocket(directory, sessionId, platform)).owner();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The owner's process; its connection is closed afterwards.
 * @returns undefined: it is too busy to answer. */
export async function ownerPid({ socket }: Owner, timeoutMs: number): Promise<number | undefined> {
  const answer = socket && (await ask(socket, { command: 'owner' }, timeoutMs));
  const pid = typeof answer === 'object' ? answer.pid : undefined;
  return typeof pid === 'number' ? pid : undefined;
}
