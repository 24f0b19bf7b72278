/** The stored sessions, newest first, each with the process that owns it. */
import type { CheckpointSummary } from '../checkpoint/checkpoint-summary.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { concurrently } from '../platform/concurrently.js';
import { ownerOf, type SessionOwner } from './owner.js';

export interface ListedSession {
  readonly summary: CheckpointSummary;
  readonly owner: SessionOwner | undefined;
}

/** Each asks the lock of one session. All at once would exhaust the file descriptors. */
const SOCKETS_AT_ONCE = 32;

export async function listSessions(stateManager: StateManager, stateDir: string): Promise<ListedSession[]> {
  const summaries = await stateManager.listCheckpoints();
  return concurrently(summaries, SOCKETS_AT_ONCE, async (summary) => ({
    summary,
    owner: summary.state === 'COMPLETED' ? undefined : await ownerOf(stateDir, summary.sessionId),
  }));
}
