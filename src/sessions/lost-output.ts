/** The unfinished output of a stored session that is not on the disk any more, and the command that still works then. */
import type { Checkpoint } from '../checkpoint/envelope.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { sinkFromDescription } from '../executor/endpoints/files.js';
import { systemClock } from '../platform/clock.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { programName, quoted, sessionCommand } from './invocation.js';
import { readJournaledSession } from './journaled-session.js';
import { storedMark, storedPath } from './stored-metrics.js';

/** How the output differs from what the session wrote; undefined: a resume finds it. */
export async function lostOutput(checkpoint: Checkpoint): Promise<string | undefined> {
  const { sessionId, sink, deadLetter } = checkpoint;
  const mark = storedMark(checkpoint);
  const context = { sessionId, clock: systemClock, fileSystem: nodeFileSystem };
  for (const [description, position] of [
    [sink, mark?.sink],
    [deadLetter, mark?.deadLetter],
  ] as const) {
    if (description === null || storedPath(description) === undefined || !position) continue;
    // A file that cannot be read is not gone.
    const comparing = sinkFromDescription(description).compare?.(position, 'end', context);
    const difference = await comparing?.catch(() => undefined);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** The label and the command: journaled answers are still used. */
export async function commandAfterLoss(
  stateManager: StateManager,
  stateDir: string,
  sessionId: string,
  pipelineFile: string | undefined,
): Promise<readonly [string, string]> {
  const file = pipelineFile ?? 'FILE';
  const journaled = await readJournaledSession(stateManager, sessionId).catch(() => undefined);
  if (journaled?.isEmpty === false) {
    const more = pipelineFile === undefined ? ['FILE'] : [];
    return ['resume', sessionCommand('resume', sessionId, stateDir, ...more, '--from-journal')];
  }
  return ['run again', `${programName()} run ${quoted(file)}`];
}
