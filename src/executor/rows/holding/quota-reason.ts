/** The reason of a pause that `retry.when` asked for. */
import type { HoldReason } from '../../../../machines/context.js';
import type { AnyStage } from '../../../stages/stage.js';
import { stageError } from '../row-errors.js';

export function quotaReason(stage: AnyStage, batch: number, thrown: unknown): HoldReason {
  return {
    kind: 'quota',
    message: stageError(stage, batch, thrown).message,
    advice: 'Top up the account or remove the cause, then resume. No row was lost.',
  };
}
