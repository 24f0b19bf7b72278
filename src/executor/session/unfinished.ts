/** Sessions of a pipeline that can be resumed. */
import { type CheckpointSummary, isUnfinished } from '../../checkpoint/checkpoint-summary.js';
import type { StateManager } from '../../checkpoint/state-manager.js';

/** The id of the session that was saved last; every stored session is read. */
export async function lastResumable(
  stateManager: StateManager,
  pipeline: string,
): Promise<string | undefined> {
  return firstOf(await stateManager.listCheckpoints(), pipeline);
}

/** The same among the sessions that were started last: the cost does not grow with what is stored (I25). */
export async function recentResumable(
  stateManager: StateManager,
  pipeline: string,
): Promise<string | undefined> {
  return firstOf(await stateManager.newestCheckpoints(), pipeline);
}

function firstOf(newestFirst: readonly CheckpointSummary[], pipeline: string): string | undefined {
  return newestFirst.find((item) => isUnfinished(item) && item.pipeline === pipeline)?.sessionId;
}
