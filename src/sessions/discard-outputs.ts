/** Removes the unfinished files of a session that is itself removed. What it published stays. For Node. */
import type { Checkpoint } from '../checkpoint/envelope.js';
import { sinkFromDescription } from '../executor/endpoints/files.js';
import { systemClock } from '../platform/clock.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { storedMark, storedPath } from './stored-metrics.js';

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
