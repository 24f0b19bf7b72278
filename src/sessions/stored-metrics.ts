/** The progress in a checkpoint, read through the restore path (I18). */
import {
  type CheckpointMark,
  type ExecutorContext,
  type HoldReason,
  restoreSnapshot,
} from '../../machines/index.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { isPart, workingPath } from '../sinks/written-file.js';

/** The durable mark that a resume would start from; undefined when the snapshot is invalid. */
export function storedMark(checkpoint: Checkpoint): CheckpointMark | undefined {
  return storedContext(checkpoint)?.flushed;
}

/** Why the session paused by itself; undefined: it did not. */
export function storedPauseReason(checkpoint: Checkpoint): HoldReason | undefined {
  return storedContext(checkpoint)?.pauseReason;
}

function storedContext(checkpoint: Checkpoint): ExecutorContext | undefined {
  try {
    const stages = storedStages(checkpoint).map((name) => ({ name, concurrency: 1, attempts: 1 }));
    return restoreSnapshot(checkpoint.snapshot, stages).context;
  } catch {
    return undefined;
  }
}

/** Names of the stages, in order. */
export function storedStages({ snapshot }: Checkpoint): string[] {
  const { context } = snapshot as { context?: { stages?: unknown } };
  return Array.isArray(context?.stages) ? context.stages.map(String) : [];
}

/** The path of a stored sink; undefined when it is not a file. */
export function storedPath(description: Checkpoint['sink']): string | undefined {
  const path = description?.path;
  return typeof path === 'string' ? path : undefined;
}

/** The part file of an unfinished run; undefined when the run writes in place, or to no file. */
export function storedPartFile(sink: Checkpoint['sink'], position: Checkpoint['sink']): string | undefined {
  const path = storedPath(sink);
  if (path === undefined || sink?.publish === 'direct') return undefined;
  const { part } = position ?? {};
  return workingPath({ path, publish: 'rename' }, isPart(part) ? part : 1);
}
