/** The part of an actor's context that comes from the pipeline, as it is today. */
import type { ConcurrencyRange } from '../../../machines/adaptive-concurrency.js';
import { stageActorId } from '../../../machines/children.js';
import { FusionPlan } from '../../executor/fusion/fusion-plan.js';
import { BATCHES_PER_THREAD } from '../../executor/fusion/thread-job.js';
import { stageInputs } from '../../executor/session/stage-inputs.js';
import { isObject } from '../../formats/json.js';
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
  const input = stageInputs(stages)[index];
  if (input === undefined) return {};
  const { adaptive, ...stage } = input;
  // A concurrency that was tuned is the recording's; one that adapts is between its bounds.
  if (context.isTuned === true) return { ...stage, index, concurrency: context.concurrency };
  if (adaptive !== undefined) return { ...stage, index, ...expectedWidth(adaptive, context) };
  const concurrency =
    threads === null
      ? (widerByThreads(stages, index, context.concurrency) ?? stage.concurrency)
      : index === 0
        ? Math.max(stage.concurrency, BATCHES_PER_THREAD * threads)
        : stage.concurrency;
  return { ...stage, index, concurrency };
}

/** Bounds as today's, everything else as recorded. */
function expectedWidth(
  { min, max }: ConcurrencyRange,
  { adaptive, concurrency }: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const isWithin = typeof concurrency === 'number' && concurrency >= min && concurrency <= max;
  return {
    adaptive: { ...(isObject(adaptive) ? adaptive : {}), min, max },
    concurrency: isWithin ? concurrency : min,
  };
}

/** For an unknown number of threads: any width that threads can give. */
function widerByThreads(stages: readonly AnyStage[], index: number, recorded: unknown): number | undefined {
  const { length } = new FusionPlan(stages).fusedStagesAt(0) ?? { length: 0 };
  if (index >= length || typeof recorded !== 'number' || recorded % 2 !== 0) return undefined;
  return recorded > (stages[index]?.concurrency ?? 0) ? recorded : undefined;
}
