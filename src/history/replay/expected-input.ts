/** What of an actor's recorded context comes from the pipeline, and should be today's. */
import { stageActorId } from '../../../machines/children.js';
import { FusionPlan } from '../../executor/fusion/fusion-plan.js';
import { BATCHES_PER_THREAD } from '../../executor/fusion/thread-job.js';
import { stageInputs } from '../../executor/session/stage-inputs.js';
import { type ActorFrame, EXECUTOR } from '../../recording/format.js';
import type { AnyStage } from '../../stages/stage.js';

/** @param threads of the run; null: the recording does not say.
 * @returns keys of the context, with today's values; none for an actor that the pipeline says nothing about. */
export function expectedInput(
  stages: readonly AnyStage[],
  actor: string,
  { context }: ActorFrame,
  threads: number | null,
): Readonly<Record<string, unknown>> {
  if (actor === EXECUTOR) return { stages: stages.map(({ name }) => name) };
  const index = stages.findIndex(({ name }) => stageActorId(name) === actor);
  const stage = stageInputs(stages)[index];
  if (stage === undefined) return {};
  const concurrency =
    threads === null
      ? (widerByThreads(stages, index, context.concurrency) ?? stage.concurrency)
      : index === 0
        ? Math.max(stage.concurrency, BATCHES_PER_THREAD * threads)
        : stage.concurrency;
  return { ...stage, index, concurrency };
}

/** For a recording that does not say how many threads there were: any width that threads can give. */
function widerByThreads(stages: readonly AnyStage[], index: number, recorded: unknown): number | undefined {
  const { length } = new FusionPlan(stages).fusedStagesAt(0) ?? { length: 0 };
  if (index >= length || typeof recorded !== 'number' || recorded % 2 !== 0) return undefined;
  return recorded > (stages[index]?.concurrency ?? 0) ? recorded : undefined;
}
