import type { StageInput } from '../../../machines/stage-events.js';
import type { AnyStage } from '../../stages/stage.js';

/** The machines' input for each stage. */
export function stageInputs(stages: readonly AnyStage[]): Omit<StageInput, 'index'>[] {
  return stages.map((stage) => ({
    name: stage.name,
    concurrency: stage.concurrency,
    attempts: stage.retry.attempts,
    ...(stage.adaptive === undefined ? {} : { adaptive: stage.adaptive }),
  }));
}
