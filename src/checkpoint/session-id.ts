/**
 * Session ids are UUIDs: no other text becomes part of a path or a key.
 *
 * New ids are UUIDs of version 7 (RFC 9562): they begin with the time, so that the newest sessions are found by name,
 * without a file being read (I25). Ids of version 4, from 0.1.0, stay valid.
 */
import { CheckpointNotFoundError } from '../errors.js';

// Lower case only: two spellings of an id are two names on one disk and one name on another.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a session's id: a UUID in lower case. */
export function isSessionId(text: string): boolean {
  return UUID.test(text);
}

/** Ids by the time of their session's start, newest first. Ids of version 4 have no time and come last. */
export function newestIdsFirst(ids: readonly string[]): string[] {
  const isTimed = (id: string) => id[14] === '7';
  return [...ids].sort((a, b) => {
    if (isTimed(a) !== isTimed(b)) return isTimed(a) ? -1 : 1;
    return a < b ? 1 : -1;
  });
}

/** When the session started, in milliseconds since the epoch; 0 for ids without a time. */
export function startOf(sessionId: string): number {
  return sessionId[14] === '7' ? Number.parseInt(sessionId.replace('-', '').slice(0, 12), 16) : 0;
}

/** Refuses an id that is not a UUID, before it becomes part of a path or a key.
 * @param where the storage, for the message: a directory, 'memory'.
 * @throws {CheckpointNotFoundError} */
export function assertSessionId(sessionId: string, where: string): void {
  if (typeof sessionId !== 'string' || !isSessionId(sessionId)) {
    throw new CheckpointNotFoundError(String(sessionId), where);
  }
}
