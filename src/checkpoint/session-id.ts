/** Session ids are UUIDs: nothing else becomes part of a path or a key. */
import { CheckpointNotFoundError } from '../errors.js';

// Lower case only: two spellings of one id would be two names on one disk and one name on another.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a session's id: a UUID in lower case. */
export function isSessionId(text: string): boolean {
  return UUID.test(text);
}

/** Refuses an id that is not a UUID, before it becomes part of a path or a key.
 * @param where the storage, for the message: a directory, 'memory'.
 * @throws {CheckpointNotFoundError} */
export function assertSessionId(sessionId: string, where: string): void {
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) {
    throw new CheckpointNotFoundError(String(sessionId), where);
  }
}
