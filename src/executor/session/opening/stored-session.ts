/**
 * Loads a stored session for a resume: checked (I9), of the same pipeline (I15), and rebuilt by the one restore path (I18). A
 * refusal throws. Nothing is changed.
 */

import { defaults } from '#defaults';
import { type CheckpointMark, emptyStageCounters, type JsonObject } from '../../../../machines/context.js';
import { updateSuspects } from '../../../../machines/poison.js';
import { hasCrashed, type RestoredSnapshot, restoreSnapshot } from '../../../../machines/restore/restore.js';
import type { Checkpoint } from '../../../checkpoint/envelope.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import { PipelineMismatchError } from '../../../errors.js';
import { canonicalJson } from '../../../formats/json.js';
import type { SessionBudget } from '../../../spending/budget.js';
import { fingerprintDifferences } from '../../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../../stages/stage.js';
import { definePipeline, type PipelineDefinition, type PipelineLike, withBudget } from '../../definition.js';
import { toSink, toSource } from '../../endpoints/endpoints.js';
import type { RunStart } from '../run-options.js';
import { stageInputs } from '../stage-inputs.js';
import { comparisonContext, outputDifferences } from './compare-outputs.js';
import { loadFromJournal } from './load-from-journal.js';
import { withoutRedrivenEnds } from './own-ends.js';

/** Options of `resume`. */
export interface ResumeOptions {
  /** Accept a pipeline or an input that differs from the stored one (I15). */
  readonly force?: boolean;
  /** Resume from the session's journal, where its checkpoint is damaged or refused: from the newest copy of the checkpoint that
   * the journal holds, else from the beginning. Journaled outputs are used for the rows that they were made from (I26). */
  readonly fromJournal?: boolean;
  /** Read the whole unfinished output first, and refuse to resume if a byte before the committed position has changed. */
  readonly verify?: boolean;
  /** Limits of what the session may spend, instead of the pipeline's, by name. What it has spent counts. */
  readonly budget?: SessionBudget;
}

export interface StoredSession {
  /** COMPLETED: the result can be read. */
  readonly isCompleted: boolean;
  /** An actor can start from it: PAUSED or FAILED. */
  readonly snapshot: RestoredSnapshot;
  readonly definition: PipelineDefinition;
  readonly start: RunStart;
  readonly warnings: readonly string[];
  readonly checkpoint: Checkpoint;
}

/** How a stored session is compared. */
export interface LoadOptions extends ResumeOptions {
  /** The pipeline's name must be this one. */
  readonly name?: string;
}

/** Reads and checks a stored session, once.
 * @throws {CheckpointNotFoundError | CorruptCheckpointError | PipelineMismatchError} */
export async function loadSession(
  sessionId: string,
  stages: readonly AnyStage[],
  stateManager: StateManager,
  pipeline: Partial<PipelineLike> | undefined,
  { force = false, fromJournal = false, verify = false, name, budget }: LoadOptions,
): Promise<StoredSession> {
  const accept = (candidate: Checkpoint): void => {
    restoreSnapshot(candidate.snapshot, storedStageInputs(candidate));
  };
  const { checkpoint, warnings } = fromJournal
    ? await loadFromJournal(sessionId, {
        ...{ stages, stateManager, pipeline, accept },
        define: (candidate) => definitionOf(candidate, pipeline, stages),
      })
    : await stateManager.loadCheckpoint(sessionId, accept);
  const differences = [
    ...nameDifferences(checkpoint, name),
    ...fingerprintDifferences(checkpoint.fingerprint, stages),
    ...descriptionDifferences(checkpoint, pipeline),
    ...deliveryDifferences(checkpoint, pipeline),
  ];
  if (differences.length > 0 && !force) throw new PipelineMismatchError(differences);
  const snapshot = await withSuspects(restoreForced(checkpoint, stages, force), checkpoint, stateManager);
  const { flushed: mark } = snapshot.context;
  const isCompleted = checkpoint.state === 'COMPLETED';
  const definition = withBudget(definitionOf(checkpoint, pipeline, stages), budget, stages);
  if (verify && !isCompleted) {
    const damaged = await outputDifferences(definition, mark, 'all', comparisonContext(sessionId));
    if (damaged.length > 0) throw new PipelineMismatchError(damaged, false);
  }
  return {
    isCompleted,
    snapshot: isCompleted ? { ...snapshot, status: 'active', value: 'PAUSED', output: undefined } : snapshot,
    checkpoint,
    definition,
    warnings,
    start: {
      ...{ sessionId, mark, force },
      wasSealed: wasSealed(checkpoint, mark),
      sourceIdentity: checkpoint.sourceIdentity,
      ...(checkpoint.spending === undefined ? {} : { spending: checkpoint.spending }),
      epoch: checkpoint.epoch + 1,
    },
  };
}

/** A run that failed continues with its own pipeline.
 * @throws {PipelineMismatchError} */
export function assertSamePipeline(before: PipelineDefinition | undefined, now: PipelineDefinition): void {
  if (before === undefined) return;
  const describe = ({ source, sink }: PipelineDefinition) => ({
    pipeline: before.name,
    source: source.describe() ?? null,
    sink: sink.describe() ?? null,
  });
  const differences = [
    ...nameDifferences({ pipeline: before.name }, now.name),
    ...descriptionDifferences(describe(before), now),
  ];
  if (differences.length > 0) throw new PipelineMismatchError(differences, false);
}

function nameDifferences({ pipeline }: Pick<Checkpoint, 'pipeline'>, name = pipeline): string[] {
  return name === pipeline ? [] : [`the pipeline was "${pipeline}" and is "${name}"`];
}

/** After a crash: the batches that may have caused it (`machines/poison.ts`). */
async function withSuspects(
  snapshot: RestoredSnapshot,
  { sessionId, state, epoch }: Checkpoint,
  stateManager: StateManager,
): Promise<RestoredSnapshot> {
  if (!hasCrashed(state)) return snapshot;
  const marker = await stateManager.inFlightMarker(sessionId);
  await marker?.close();
  const last = marker?.before?.epoch === epoch ? marker.before.batch : undefined;
  const { context } = snapshot;
  const suspects = updateSuspects(context.suspects, context.flushed.batches, last);
  return { ...snapshot, context: { ...context, suspects } };
}

/** The stages that the snapshot names: its integrity is checked before its stages are compared. */
function storedStageInputs({
  snapshot,
}: Checkpoint): { name: string; concurrency: number; attempts: number }[] {
  const { context } = snapshot as { context?: { stages?: unknown } };
  const names = Array.isArray(context?.stages) ? (context.stages as unknown[]) : [];
  return names.map((name) => ({ name: String(name), concurrency: 1, attempts: 1 }));
}

/** A forced resume with other stages: counters are kept for stages of the same name. */
function restoreForced(
  checkpoint: Checkpoint,
  stages: readonly AnyStage[],
  force: boolean,
): RestoredSnapshot {
  const inputs = stageInputs(stages);
  const names = inputs.map((input) => input.name);
  const stored = storedStageInputs(checkpoint);
  const isSame = stored.length === names.length && stored.every((stage, i) => stage.name === names[i]);
  if (isSame || !force) return restoreSnapshot(checkpoint.snapshot, inputs);
  const old = restoreSnapshot(checkpoint.snapshot, stored);
  const { context } = old;
  const { state } = context.flushed;
  const flushed: CheckpointMark = {
    ...context.flushed,
    stages: names.map(
      (stage) =>
        context.flushed.stages.find((counters) => counters.stage === stage) ?? emptyStageCounters(stage),
    ),
    losses: { total: context.flushed.losses.total, named: [], reasons: [] },
    ...(state === undefined ? {} : { state: state.filter(({ stage }) => names.includes(stage)) }),
  };
  return restoreSnapshot({ ...old, children: {}, context: { ...context, stages: names, flushed } }, inputs);
}

function descriptionDifferences(
  checkpoint: Pick<Checkpoint, 'source' | 'sink'>,
  given: Partial<PipelineLike> | undefined,
): string[] {
  const pipeline = withoutRedrivenEnds(given, checkpoint);
  const differences: string[] = [];
  const compare = (what: string, stored: JsonObject | null, now: JsonObject | undefined) => {
    if (stored !== null && now !== undefined && canonicalJson(stored) !== canonicalJson(now))
      differences.push(`the ${what} ${changeOf(stored, now)}`);
    else if (stored === null && now === undefined) return;
    else if ((stored === null) !== (now === undefined)) differences.push(`the ${what} is of another kind`);
  };
  if (pipeline?.source !== undefined)
    compare('source', checkpoint.source, toSource(pipeline.source).describe());
  if (pipeline?.sink !== undefined) compare('sink', checkpoint.sink, toSink(pipeline.sink).describe());
  return differences;
}

/** A function is not stored: without it, the run would complete undelivered. */
function deliveryDifferences(
  { settings }: Checkpoint,
  pipeline: Partial<PipelineLike> | undefined,
): string[] {
  if (settings.delivers !== true || pipeline?.options?.deliver !== undefined) return [];
  return ['the session delivers its output: pass the pipeline again, with its option `deliver`'];
}

function changeOf(stored: JsonObject, now: JsonObject): string {
  if (stored.kind !== now.kind) return `was ${stored.kind} and is ${now.kind}`;
  if (stored.path === now.path) return 'has other options';
  return `was ${stored.path} and is ${now.path} (paths begin where the process was started)`;
}

/** Source and sink as passed, or rebuilt from their descriptions; sizes of the stored session. */
function definitionOf(
  checkpoint: Checkpoint,
  given: Partial<PipelineLike> | undefined,
  stages: readonly AnyStage[],
): PipelineDefinition {
  const pipeline = withoutRedrivenEnds(given, checkpoint);
  const missing: string[] = [];
  const source =
    pipeline?.source ?? (checkpoint.source === null ? undefined : defaults.source(checkpoint.source));
  const sink = pipeline?.sink ?? (checkpoint.sink === null ? undefined : defaults.sink(checkpoint.sink));
  if (source === undefined) missing.push('its source cannot be rebuilt from the checkpoint: pass it again');
  if (sink === undefined) missing.push('its sink cannot be rebuilt from the checkpoint: pass it again');
  if (source === undefined || sink === undefined) throw new PipelineMismatchError(missing);
  const { batchSize, checkpointEveryMs, checkpointInterval, delivers } = checkpoint.settings;
  const stored = checkpoint.deadLetter === null ? undefined : defaults.sink(checkpoint.deadLetter);
  const defined = definePipeline(
    {
      name: checkpoint.pipeline,
      source,
      sink,
      options: { ...pipeline?.options, batchSize, checkpointInterval },
    },
    stages,
  );
  const deadLetter = pipeline?.options?.deadLetter === undefined ? stored : undefined;
  return {
    ...defined,
    ...(delivers === false ? { deliver: false } : {}),
    ...(deadLetter === undefined ? {} : { deadLetter: deadLetter as PipelineDefinition['deadLetter'] }),
    checkpointEveryMs: checkpointEveryMs ?? false,
  };
}

/** All output was written and flushed when the checkpoint was saved: the result may be published already. */
function wasSealed({ snapshot }: Checkpoint, mark: CheckpointMark): boolean {
  const { context } = snapshot as {
    context: { activity?: { reader?: unknown }; window?: unknown; written?: { batches?: unknown } };
  };
  return (
    context.activity?.reader === 'ended' &&
    Array.isArray(context.window) &&
    context.window.length === 0 &&
    context.written?.batches === mark.batches
  );
}
