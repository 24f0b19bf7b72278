/** Removes the unfinished files of a session that is itself removed. What it published stays. For Node. */
import type { SoundSummary } from '../checkpoint/checkpoint-summary.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { sinkFromDescription } from '../executor/endpoints/files.js';
import { isObject, type JsonObject } from '../formats/json.js';
import { systemClock } from '../platform/clock.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { storedMark, storedPartFile, storedPath } from './stored-metrics.js';

/** Removes the part files of output and dead letters, if these are files. To be called by the owner of the session.
 * @throws {SinkError} if a file cannot be removed. */
export async function discardOutputs(checkpoint: Checkpoint): Promise<void> {
  const { sessionId, state, sink, deadLetter } = checkpoint;
  if (state === 'COMPLETED') return;
  const mark = storedMark(checkpoint);
  const context = { sessionId, clock: systemClock, fileSystem: nodeFileSystem };
  for (const [description, position] of [
    [sink, mark?.sink],
    [deadLetter, mark?.deadLetter],
  ] as const)
    if (storedPath(description) !== undefined && description !== null)
      await sinkFromDescription(description).discard?.(position ?? undefined, context);
}

/**
 * Removes what a session created that was killed before its first checkpoint. Its part file is empty; under the name `<path>.part`
 * it is known by that, and by no stored session that claims it.
 */
export async function discardUnsaved(
  sessionId: string,
  stateManager: StateManager,
  stored: readonly SoundSummary[],
): Promise<void> {
  const noted = await stateManager.storage.notedOutputs?.(sessionId);
  const context = { sessionId, clock: systemClock, fileSystem: nodeFileSystem };
  for (const description of [noted?.sink, noted?.deadLetter]) {
    if (!isObject(description) || storedPath(description as JsonObject) === undefined) continue;
    const sink = sinkFromDescription(description);
    await sink.discard?.(undefined, context);
    const part = storedPartFile(description as JsonObject, null);
    const found = part === undefined ? undefined : await nodeFileSystem.stat(part);
    if (part === undefined || found?.kind !== 'file' || found.size > 0) continue;
    const isClaimed = stored.some(({ checkpoint }) => storedMark(checkpoint)?.sink?.inode === found.inode);
    if (!isClaimed) await nodeFileSystem.unlink(part);
  }
}
