/** Sessions of a pipeline that can be resumed. Neither reads more than it needs of what is stored (I25). */
import {
  type CheckpointSummary,
  isUnfinished,
  type SoundSummary,
} from '../../checkpoint/checkpoint-summary.js';
import type { StateManager } from '../../checkpoint/state-manager.js';

/** The id of the newest one; older sessions are read until one is found. */
export async function lastResumable(
  stateManager: StateManager,
  pipeline: string,
): Promise<string | undefined> {
  return (await stateManager.findNewest(isUnfinishedOf(pipeline)))?.sessionId;
}

/** The same among the sessions that were started last only. */
export async function recentResumable(
  stateManager: StateManager,
  pipeline: string,
): Promise<string | undefined> {
  return (await stateManager.newestCheckpoints()).find(isUnfinishedOf(pipeline))?.sessionId;
}

function isUnfinishedOf(pipeline: string) {
  return (summary: CheckpointSummary): summary is SoundSummary =>
    isUnfinished(summary) && summary.pipeline === pipeline;
}
