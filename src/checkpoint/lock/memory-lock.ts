/** Locks among the executors of one process, for storages that only this process can reach (I10). */
import { SessionLockedError } from '../../errors.js';
import type { LockHandlers, SessionLock } from './lock.js';

/** @returns what a storage offers as `lock`: one set of locks each. */
export function memoryLock(): (sessionId: string, handlers: LockHandlers) => Promise<SessionLock> {
  const held = new Map<string, SessionLock>();
  return async (sessionId) => {
    if (held.has(sessionId)) throw new SessionLockedError(sessionId);
    const lock: SessionLock = {
      async release() {
        // A second release must not free the lock of a later owner.
        if (held.get(sessionId) === lock) held.delete(sessionId);
      },
    };
    held.set(sessionId, lock);
    return lock;
  };
}
