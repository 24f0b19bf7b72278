/** What a checkpoint says of how far its run is, read through the one restore path (I18). */
import { type CheckpointMark, restoreSnapshot } from '../../machines/index.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { isPart, workingPath } from '../sinks/written-file.js';

/** The durable mark that a resume would start from; undefined when the snapshot is not to be believed. */
export function storedMark(checkpoint: Checkpoint): CheckpointMark | undefined {
  try {
    const stages = storedStages(checkpoint).map((name) => ({ name, concurrency: 1, attempts: 1 }));
    return restoreSnapshot(checkpoint.snapshot, stages).context.flushed;
  } catch {
    return undefined;
  }
}

/** Names of the stages, in order. */
export function storedStages({ snapshot }: Checkpoint): string[] {
  const { context } = snapshot as { context?: { stages?: unknown } };
  return Array.isArray(context?.stages) ? context.stages.map(String) : [];
}

/** Where a stored sink writes to, when it is a file. */
export function storedPath(description: Checkpoint['sink']): string | undefined {
  const path = description?.path;
  return typeof path === 'string' ? path : undefined;
}

/** The file that an unfinished run had written to; undefined when it is the target itself, or no file. */
export function storedPartFile(sink: Checkpoint['sink'], position: Checkpoint['sink']): string | undefined {
  const path = storedPath(sink);
  if (path === undefined || sink?.publish === 'direct') return undefined;
  const { part } = position ?? {};
  return workingPath({ path, publish: 'rename' }, isPart(part) ? part : 1);
}
