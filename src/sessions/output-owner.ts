/**
 * Refuses a run whose output another running session writes (I19): the run that ends later would silently replace the other's
 * result. It checks the sessions of one state directory. An unfinished session that no process runs does not matter: its part
 * file has its own name.
 */
import { basename, dirname } from 'node:path';
import type { Checkpoint } from '../checkpoint/envelope.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { SessionLockedError } from '../errors.js';
import { definePipeline } from '../executor/definition.js';
import type { Pipeline } from '../executor/pipeline.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { ownerOf } from './owner.js';
import { runningSessions } from './running-sessions.js';
import { storedPath } from './stored-metrics.js';

/** The outputs of a run, as its checkpoint describes them. */
export type Outputs = Pick<Checkpoint, 'sink' | 'deadLetter'>;

/** The outputs of a pipeline, as a checkpoint describes them. */
export function outputsOf(pipeline: Pipeline<unknown>): Outputs {
  const { sink, deadLetter } = definePipeline(pipeline, pipeline.stages);
  return { sink: sink.describe() ?? null, deadLetter: deadLetter?.describe() ?? null };
}

/** Whether a part file of the outputs exists, or an output without part files. */
async function hasBegun(outputs: Outputs): Promise<boolean> {
  if (outputs.sink?.publish === 'direct' || outputs.deadLetter?.publish === 'direct') return true;
  for (const path of pathsOf(outputs)) {
    const names = await nodeFileSystem.list(dirname(path)).catch(() => []);
    const part = `${basename(path)}.`;
    if (names.some((name) => name.startsWith(part) && name.endsWith('.part'))) return true;
  }
  return false;
}

/** Only sessions that a process runs are read, and none where no output has begun: the cost hardly grows with what is stored (I25).
 * @param own the session to resume.
 * @throws {SessionLockedError} that names the other session and the shared output. */
export async function refuseSharedOutput(
  outputs: Outputs,
  stateManager: StateManager,
  stateDir: string,
  own?: string,
): Promise<void> {
  if (!(await hasBegun(outputs))) return;
  const wanted = new Set(await placesOf(outputs));
  for (const sessionId of await runningSessions(stateManager, stateDir)) {
    if (sessionId === own) continue;
    const loaded = await stateManager.loadCheckpoint(sessionId).catch(() => undefined);
    const shared = loaded && (await sharedPath(loaded.checkpoint, wanted));
    const owner = shared === undefined ? undefined : await ownerOf(stateDir, sessionId);
    if (owner !== undefined) throw new SessionLockedError(sessionId, owner.pid, shared);
  }
}

function pathsOf({ sink, deadLetter }: Outputs): string[] {
  return [sink, deadLetter].flatMap((description) => storedPath(description) ?? []);
}

/** The path of a stored output that is one of the wanted places. */
async function sharedPath(outputs: Outputs, wanted: ReadonlySet<string>): Promise<string | undefined> {
  for (const path of pathsOf(outputs)) if (wanted.has(await placeOf(path))) return path;
  return undefined;
}

function placesOf(outputs: Outputs): Promise<string[]> {
  return Promise.all(pathsOf(outputs).map(placeOf));
}

/** Where a path leads: a file has several paths, through links of its folders. */
function placeOf(path: string): Promise<string> {
  return nodeFileSystem.realPath(path).catch(() => path);
}
