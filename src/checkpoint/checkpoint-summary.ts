/** Stored sessions as a list shows them: usable ones with their checkpoint, damaged ones with the reasons. */
import type { ErrorData, ExecutorState } from '../../machines/context.js';
import type { Checkpoint } from './envelope.js';

/** A stored session, for a list. */
export type CheckpointSummary =
  | {
      readonly sessionId: string;
      readonly state: ExecutorState;
      readonly pipeline: string;
      readonly pipelineFile?: string;
      /** Milliseconds since the epoch. */
      readonly savedAt: number;
      /** Milliseconds since the epoch. */
      readonly startedAt: number;
      readonly error?: ErrorData;
      /** The whole checkpoint. */
      readonly checkpoint: Checkpoint;
    }
  | {
      readonly sessionId: string;
      readonly state: 'CORRUPT';
      readonly reasons: readonly string[];
      /** The files may be sound: this process may not read them. */
      readonly isUnreadable?: true;
    };

/** A session whose checkpoint can be used. */
export type SoundSummary = Exclude<CheckpointSummary, { readonly state: 'CORRUPT' }>;

export function isSound(summary: CheckpointSummary): summary is SoundSummary {
  return summary.state !== 'CORRUPT';
}

/** The session can be resumed. */
export function isUnfinished(summary: CheckpointSummary): summary is SoundSummary {
  return isSound(summary) && summary.state !== 'COMPLETED';
}

export function summaryOf(checkpoint: Checkpoint): SoundSummary {
  const { sessionId, state, pipeline, pipelineFile, savedAt, startedAt, error } = checkpoint;
  return {
    ...{ sessionId, state, pipeline, savedAt, startedAt, checkpoint },
    ...(pipelineFile !== undefined && { pipelineFile }),
    ...(error !== undefined && { error }),
  };
}

/** Damaged sessions come last: their time is unknown. */
export function newestFirst(a: CheckpointSummary, b: CheckpointSummary): number {
  const savedAt = (summary: CheckpointSummary) =>
    isSound(summary) ? summary.savedAt : Number.NEGATIVE_INFINITY;
  return savedAt(b) - savedAt(a) || (a.sessionId < b.sessionId ? -1 : 1);
}
