/** The sessions that a process runs. No checkpoint is read: the cost hardly grows with what is stored (I25). */
import { join } from 'node:path';
import { OWNER_FILE } from '../checkpoint/lock/control-protocol.js';
import { newestIdsFirst } from '../checkpoint/session-id.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { concurrently } from '../platform/concurrently.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { ownerOf, type SessionOwner } from './owner.js';

const FILES_AT_ONCE = 32;

/** The ids, those that were started last first. */
export async function runningSessions(stateManager: StateManager, stateDir: string): Promise<string[]> {
  const ids = newestIdsFirst(await stateManager.storage.list());
  const running = await concurrently(ids, FILES_AT_ONCE, (id) => ownerIfAny(stateDir, id));
  return ids.filter((_, i) => running[i] !== undefined);
}

/** The owner; a session without an owner's file has none, and its lock is not asked. */
export async function ownerIfAny(stateDir: string, sessionId: string): Promise<SessionOwner | undefined> {
  const file = await nodeFileSystem.stat(join(stateDir, sessionId, OWNER_FILE)).catch(() => undefined);
  return file === undefined ? undefined : ownerOf(stateDir, sessionId);
}
