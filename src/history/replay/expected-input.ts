/** What of an actor's recorded context comes from the pipeline, and should be today's. */
import { stageActorId } from '../../../machines/executor.machine.js';
import { FusionPlan } from '../../executor/fusion/fusion-plan.js';
import { stageInputs } from '../../executor/session/stage-inputs.js';
import { type ActorFrame, EXECUTOR } from '../../recording/format.js';
import type { AnyStage } from '../../stages/stage.js';

/** Keys of the context, with today's values; none for an actor that the pipeline says nothing about. */
export function expectedInput(
  stages: readonly AnyStage[],
  actor: string,
  { context }: ActorFrame,
): Readonly<Record<string, unknown>> {
  if (actor === EXECUTOR) return { stages: stages.map(({ name }) => name) };
  const index = stages.findIndex(({ name }) => stageActorId(name) === actor);
  const stage = stageInputs(stages)[index];
  if (stage === undefined) return {};
  const concurrency = widerByThreads(stages, index, context.concurrency) ?? stage.concurrency;
  return { ...stage, index, concurrency };
}

/** Worker threads widen the stages that they work on: how many there were is a setting of the run. */
function widerByThreads(stages: readonly AnyStage[], index: number, recorded: unknown): number | undefined {
  const { length } = new FusionPlan(stages).fusedStagesAt(0) ?? { length: 0 };
  if (index >= length || typeof recorded !== 'number' || recorded % 2 !== 0) return undefined;
  return recorded > (stages[index]?.concurrency ?? 0) ? recorded : undefined;
}
