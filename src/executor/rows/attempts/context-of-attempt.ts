import type { Clock } from '../../../platform/clock.js';
import type { Logger } from '../../../platform/logger.js';
import { checkSpending, type Spending } from '../../../spending/spending.js';
import { type AttemptContext, attemptContext, type LazyAbort } from '../../../stages/attempt-context.js';
import { idempotencyKeyOf } from '../../../stages/idempotency-key.js';
import type { AnyStage, StageContext } from '../../../stages/stage.js';
import type { RunningAttempt } from './running-attempt.js';

/** What the contexts of a run's attempts are made from. */
export interface ContextSources {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly processor: { placeOf(batch: number): StageContext['batch']; inputHashOf(batch: number): string };
  readonly spending: { spend(stageIndex: number, batch: number, amounts: Spending): void };
}

/** The context that a stage's function receives.
 * @param abort of a call; default: of the attempt.
 * @param callKey makes the key of a call; default: the key of the batch.
 * @param spendInCall counts what a call spends; default: it is counted at once. */
export function contextOfAttempt(
  { sessionId, stages, clock, logger, processor, spending }: ContextSources,
  stageIndex: number,
  running: RunningAttempt,
  abort: LazyAbort = running,
  callKey?: () => string,
  spendInCall?: (amounts: Spending) => void,
): AttemptContext {
  const { batch, attempt } = running;
  const { kind, name } = stages[stageIndex] as AnyStage;
  const place = processor.placeOf(batch);
  const makeKey = callKey ?? (() => idempotencyKeyOf(sessionId, name, batch, processor.inputHashOf(batch)));
  const spend =
    spendInCall ??
    ((amounts: Spending) => spending.spend(stageIndex, batch, checkSpending('context.spend()', amounts)));
  return attemptContext(kind, place, attempt, logger, abort, clock, makeKey, spend);
}
