/** Removes the unfinished files of a session that is itself removed. What it published stays. For Node. */
import type { Checkpoint } from '../checkpoint/envelope.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { sinkFromDescription } from '../executor/endpoints/files.js';
import { isObject, type JsonObject } from '../formats/json.js';
import { systemClock } from '../platform/clock.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { storedMark, storedPath } from './stored-metrics.js';

/** Removes the part files of output and dead letters, if these are files. To be called by the owner of the session.
 * @throws {SinkError} if a file cannot be removed. */
export async function discardOutputs(checkpoint: Checkpoint): Promise<void> {
  const { sessionId, state, sink, deadLetter } = checkpoint;
  if (state === 'COMPLETED') return;
  const mark = storedMark(checkpoint);
  await discard(sessionId, sink, mark?.sink);
  await discard(sessionId, deadLetter, mark?.deadLetter);
}

/** Removes the part files of a session that was killed before its first checkpoint. To be called by the owner of the session.
 * @throws {SinkError} if a file cannot be removed. */
export async function discardUnsaved(sessionId: string, stateManager: StateManager): Promise<void> {
  const noted = await stateManager.storage.notedOutputs?.(sessionId);
  await discard(sessionId, noted?.sink, noted?.position);
  await discard(sessionId, noted?.deadLetter, undefined);
}

async function discard(sessionId: string, described: unknown, position: unknown): Promise<void> {
  if (!isObject(described)) return;
  const description = described as JsonObject;
  if (storedPath(description) === undefined) return;
  const at = isObject(position) ? (position as JsonObject) : undefined;
  const context = { sessionId, clock: systemClock, fileSystem: nodeFileSystem };
  await sinkFromDescription(description).discard?.(at, context);
}
