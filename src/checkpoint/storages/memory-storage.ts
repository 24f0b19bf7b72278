/** Checkpoints, journals and locks of this process only, gone with it: for tests, and for runs that need no resuming. */
import { CheckpointWriteError } from '../../errors.js';
import { type MemoryRecords, memoryJournal } from '../journal/memory-journal.js';
import { memoryLock } from '../lock/memory-lock.js';
import { assertSessionId } from '../session-id.js';
import { memoryStateLogs } from '../state-logs/memory-state-logs.js';
import type { CheckpointStorage } from '../storage.js';

interface MemorySession {
  /** Newest first. */
  texts: readonly string[];
  readonly records: MemoryRecords;
  readonly logs: Map<string, Uint8Array>;
}

/** A storage without a disk.
 * @example new StateManager(memoryStorage()) */
export function memoryStorage(): CheckpointStorage {
  const label = 'memory';
  const sessions = new Map<string, MemorySession>();
  const acquire = memoryLock();
  const session = (sessionId: string): MemorySession => {
    assertSessionId(sessionId, label);
    let found = sessions.get(sessionId);
    if (found === undefined) {
      found = { texts: [], records: new Map(), logs: new Map() };
      sessions.set(sessionId, found);
    }
    return found;
  };
  return {
    label,
    async read(sessionId) {
      assertSessionId(sessionId, label);
      const texts = sessions.get(sessionId)?.texts ?? [];
      if (texts.length === 0) return undefined;
      const names = ['newest', 'previous'] as const;
      return { generations: texts.map((text, i) => ({ name: names[i] ?? 'older', text })), problems: [] };
    },
    async write(sessionId, text) {
      const known = session(sessionId);
      if (text === '')
        throw new CheckpointWriteError(`An empty checkpoint of session ${sessionId} was not written.`);
      known.texts = [text, ...known.texts].slice(0, 2);
    },
    async list() {
      return [...sessions.keys()];
    },
    async remove(sessionId) {
      assertSessionId(sessionId, label);
      sessions.delete(sessionId);
    },
    async lock(sessionId, handlers) {
      assertSessionId(sessionId, label);
      return acquire(sessionId, handlers);
    },
    async stateLogs(sessionId) {
      return memoryStateLogs(session(sessionId).logs);
    },
    async journal(sessionId, epoch) {
      return memoryJournal({ records: session(sessionId).records, sessionId, epoch });
    },
  };
}
