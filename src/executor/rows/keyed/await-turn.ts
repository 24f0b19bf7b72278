import type { RunningAttempt } from '../attempts/running-attempt.js';
import type { KeyedStages } from './keyed-stages.js';

/** A delay that no timer ends. */
export const UNTIL_CALLED = Number.MAX_SAFE_INTEGER;

type Asked = Pick<RunningAttempt, 'actor' | 'stageIndex' | 'batch' | 'attempt'>;

/** Defers an attempt over a batch that reaches a keyed stage before its turn (I4): it holds no slot, and begins again when the earlier
 * batches have passed.
 * @param keyed undefined: no stage is keyed. @returns false: the attempt may begin. */
export function deferEarly(
  keyed: KeyedStages | undefined,
  { actor, stageIndex, batch, attempt }: Asked,
  isAborted: () => boolean,
): boolean {
  const isEarly = keyed?.waitForTurn(stageIndex, batch, () => {
    if (!isAborted()) actor.send({ type: 'retry.due', batch });
  });
  if (isEarly !== true) return false;
  const never = { delayMs: UNTIL_CALLED, dueAt: UNTIL_CALLED };
  actor.send({ type: 'attempt.deferred', batch, attempt, ...never, waitingFor: 'earlier batches' });
  return true;
}
