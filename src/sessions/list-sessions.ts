/** The stored sessions, newest first, each with the process that owns it. */
import type { CheckpointSummary } from '../checkpoint/checkpoint-summary.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { ownerOf, type SessionOwner } from './owner.js';

export interface ListedSession {
  readonly summary: CheckpointSummary;
  readonly owner: SessionOwner | undefined;
}

export async function listSessions(stateManager: StateManager, stateDir: string): Promise<ListedSession[]> {
  const summaries = await stateManager.listCheckpoints();
  return Promise.all(
    summaries.map(async (summary) => ({
      summary,
      owner: summary.state === 'COMPLETED' ? undefined : await ownerOf(stateDir, summary.sessionId),
    })),
  );
}
