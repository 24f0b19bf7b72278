/** Whether a resume of a stored session can succeed, so that no message advises one that must fail. */
import type { CheckpointSummary, SoundSummary } from '../checkpoint/checkpoint-summary.js';
import { isUnfinished } from '../checkpoint/checkpoint-summary.js';

/** Every row was processed and lost: a resume finds nothing left to do, and fails with the same error. Only a new run helps. */
export function isBeyondResume(errorCode: string | undefined): boolean {
  return errorCode === 'NO_USABLE_OUTPUT';
}

/** An unfinished session that a resume can complete. */
export function canResume(summary: CheckpointSummary): summary is SoundSummary {
  return isUnfinished(summary) && !isBeyondResume(summary.error?.code);
}
