/** The part of an actor's context that comes from the pipeline, as it is today. */
import { stageActorId } from '../../../machines/children.js';
import { FusionPlan } from '../../executor/fusion/fusion-plan.js';
import { BATCHES_PER_THREAD } from '../../executor/fusion/thread-job.js';
import { stageInputs } from '../../executor/session/stage-inputs.js';
import { type ActorFrame, EXECUTOR } from '../../recording/format.js';
import type { AnyStage } from '../../stages/stage.js';

/** @param threads worker threads of the run; null: unknown.
 * @returns keys of the context with today's values; empty for an actor without input from the pipeline. */
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

/** For an unknown number of threads: any width that threads can give. */
function widerByThreads(stages: readonly AnyStage[], index: number, recorded: unknown): number | undefined {
  const { length } = new FusionPlan(stages).fusedStagesAt(0) ?? { length: 0 };
  if (index >= length || typeof recorded !== 'number' || recorded % 2 !== 0) return undefined;
  return recorded > (stages[index]?.concurrency ?? 0) ? recorded : undefined;
}
