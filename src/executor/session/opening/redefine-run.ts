/** What a resume by the executor's own run changes: source and sink of a run that failed, and budgets. */
import type { AnyStage } from '../../../stages/stage.js';
import { definePipeline, type PipelineDefinition, type PipelineLike, withBudget } from '../../definition.js';
import type { Session } from './session.js';
import type { ResumeOptions } from './stored-session.js';
import { assertSamePipeline } from './stored-session.js';

interface RedefinedRun {
  readonly state: string;
  readonly definition: PipelineDefinition | undefined;
  readonly session: Session | undefined;
  usePipeline(definition: PipelineDefinition): void;
}

/** @param given in PAUSED without effect: the open source and sink continue.
 * @throws {PipelineMismatchError | InvalidOptionError} then nothing has changed. */
export function redefineRun(
  run: RedefinedRun,
  given: Partial<PipelineLike> | undefined,
  { budget }: ResumeOptions,
  stages: readonly AnyStage[],
): void {
  const { definition: before } = run;
  if (before === undefined) return;
  const isOpen = run.state === 'PAUSED';
  const definition = withBudget(isOpen ? before : redefined(before, given, stages), budget, stages);
  if (isOpen && budget !== undefined) run.session?.parts?.rows.changeBudget(definition.budget);
  run.usePipeline(definition);
}

function redefined(
  before: PipelineDefinition,
  given: Partial<PipelineLike> = {},
  stages: readonly AnyStage[],
): PipelineDefinition {
  const { name = before.name, source = before.source, sink = before.sink, options = before.options } = given;
  const definition = definePipeline({ name, source, sink, options }, stages);
  assertSamePipeline(before, definition);
  return definition;
}
