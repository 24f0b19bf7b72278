/** Sessions of a pipeline that could still be resumed. */
import type { StateManager } from '../../checkpoint/state-manager.js';

/** The newest first. */
export async function unfinishedSessions(stateManager: StateManager, pipeline: string): Promise<string[]> {
  const all = await stateManager.listCheckpoints();
  return all
    .filter((item) => item.state !== 'CORRUPT' && item.state !== 'COMPLETED' && item.pipeline === pipeline)
    .map((item) => item.sessionId);
}

export async function lastResumable(
  stateManager: StateManager,
  pipeline: string,
): Promise<string | undefined> {
  return (await unfinishedSessions(stateManager, pipeline))[0];
}
