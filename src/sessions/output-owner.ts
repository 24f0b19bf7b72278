/**
 * Whether somebody is writing to the output of a run that is about to begin (I19): of two at once the one that ends later
 * would replace the other's result, and neither would say so. As far as the sessions of one state directory tell; what is
 * unfinished but not being run is no hindrance, its `.part` has a name of its own.
 */
import type { SoundSummary } from '../checkpoint/checkpoint-summary.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { SessionLockedError } from '../errors.js';
import { definePipeline } from '../executor/definition.js';
import type { Pipeline } from '../executor/pipeline.js';
import { ownerOf } from './owner.js';
import { storedPath } from './stored-metrics.js';

/** What a run writes to, as its checkpoint describes it. */
export type Outputs = Pick<Checkpoint, 'sink' | 'deadLetter'>;

/** What this pipeline writes to, as a checkpoint describes it. */
export function outputsOf(pipeline: Pipeline<unknown>): Outputs {
  const { sink, deadLetter } = definePipeline(pipeline, pipeline.stages);
  return { sink: sink.describe() ?? null, deadLetter: deadLetter?.describe() ?? null };
}

/** @param sessions those that are not finished. @param own the one that is resumed.
 * @throws {SessionLockedError} naming the other and what it writes to. */
export async function refuseSharedOutput(
  outputs: Outputs,
  sessions: readonly SoundSummary[],
  stateDir: string,
  own?: string,
): Promise<void> {
  const wanted = pathsOf(outputs);
  for (const { sessionId, checkpoint } of sessions) {
    if (sessionId === own) continue;
    const shared = pathsOf(checkpoint).find((path) => wanted.includes(path));
    const owner = shared === undefined ? undefined : await ownerOf(stateDir, sessionId);
    if (owner !== undefined) throw new SessionLockedError(sessionId, owner.pid, shared);
  }
}

function pathsOf({ sink, deadLetter }: Outputs): string[] {
  return [sink, deadLetter].flatMap((description) => storedPath(description) ?? []);
}
