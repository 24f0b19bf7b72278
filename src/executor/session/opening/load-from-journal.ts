/**
 * Where a session continues whose checkpoint is damaged or refused: its journal decides (I26).
 *
 * The newest copy of a checkpoint in the journal is used whose input and output are still those of the run. If there is none,
 * the session begins again, with its id: its journaled outputs are used for the rows that they were made from.
 */
import type { ExecutorContext, JsonObject } from '../../../../machines/context.js';
import { initialContext } from '../../../../machines/initial-context.js';
import { decodeCandidates } from '../../../checkpoint/choose-checkpoint.js';
import type { Checkpoint } from '../../../checkpoint/envelope.js';
import { readCheckpointCopies } from '../../../checkpoint/journal/checkpoint-copies.js';
import { LAST_EPOCH } from '../../../checkpoint/journal/journal.js';
import { startOf } from '../../../checkpoint/session-id.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { StoredCheckpoint } from '../../../checkpoint/storage.js';
import { CheckpointNotFoundError, PipelineMismatchError } from '../../../errors.js';
import { codeOf } from '../../../platform/thrown.js';
import { pipelineFingerprint } from '../../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../../stages/stage.js';
import { definePipeline, type PipelineDefinition, type PipelineLike } from '../../definition.js';
import { checkpointSettings } from '../checkpoints/checkpoint-settings.js';
import { comparisonContext, outputDifferences } from './compare-outputs.js';
import { compareInput } from './source-identity.js';

export interface JournalLoadOptions {
  readonly stages: readonly AnyStage[];
  readonly stateManager: StateManager;
  readonly pipeline: Partial<PipelineLike> | undefined;
  /** Throws to refuse a checkpoint whose snapshot is not whole. */
  readonly accept: (checkpoint: Checkpoint) => void;
  readonly define: (checkpoint: Checkpoint) => PipelineDefinition;
}

/** To be called by the owner of the session.
 * @throws {CheckpointNotFoundError} if nothing is stored. */
export async function loadFromJournal(
  sessionId: string,
  options: JournalLoadOptions,
): Promise<{ readonly checkpoint: Checkpoint; readonly warnings: readonly string[] }> {
  const { stateManager, accept, define } = options;
  const { storage } = stateManager;
  const { epoch, copies } = await readJournal(sessionId, stateManager);
  const skipped: string[] = [];
  for (const { name, checkpoint, reasons } of decodeCandidates(sessionId, copies, accept, storage.paths)) {
    const why = checkpoint === undefined ? reasons : await differences(checkpoint, define(checkpoint));
    if (checkpoint === undefined || why.length > 0) skipped.push(`Skipped ${name}: ${why.join(', ')}.`);
    else {
      const warnings = [`Session ${sessionId} resumes from ${name}.`, ...skipped];
      return { checkpoint: { ...checkpoint, epoch: Math.max(epoch, checkpoint.epoch) }, warnings };
    }
  }
  const begins = `Session ${sessionId} begins again, with the outputs in its journal.`;
  return { checkpoint: beginning(sessionId, epoch, options), warnings: [begins, ...skipped] };
}

async function readJournal(
  sessionId: string,
  stateManager: StateManager,
): Promise<{ readonly epoch: number; readonly copies: StoredCheckpoint }> {
  const { storage } = stateManager;
  const journal = await stateManager.journal(sessionId, LAST_EPOCH);
  try {
    if (journal.keys().length === 0 && (await storage.read(sessionId)) === undefined)
      throw new CheckpointNotFoundError(sessionId, storage.label);
    return { epoch: journal.lastEpoch, copies: await readCheckpointCopies(journal) };
  } finally {
    await journal.close();
  }
}

/** How input and output differ from those of the run, as far as is known without opening the output. */
async function differences(
  checkpoint: Checkpoint,
  { source, sink, deadLetter }: PipelineDefinition,
): Promise<readonly string[]> {
  const { sessionId, snapshot, sourceIdentity } = checkpoint;
  const context = comparisonContext(sessionId);
  const { flushed } = (snapshot as unknown as { readonly context: ExecutorContext }).context;
  try {
    const reading = await source.open(flushed.source ?? undefined, context);
    try {
      const { difference } = await compareInput(sourceIdentity, reading, flushed.source);
      if (difference !== undefined) return [difference];
    } finally {
      await reading.close();
    }
  } catch (error) {
    if (codeOf(error) === 'PIPELINE_MISMATCH') return (error as PipelineMismatchError).differences;
    throw error;
  }
  return outputDifferences({ sink, deadLetter }, flushed, 'end', context);
}

/** The checkpoint of a session that has read nothing. @throws {PipelineMismatchError} without source and sink. */
function beginning(
  sessionId: string,
  epoch: number,
  { stages, stateManager, pipeline }: JournalLoadOptions,
): Checkpoint {
  if (pipeline?.name === undefined || pipeline.source === undefined || pipeline.sink === undefined)
    throw new PipelineMismatchError(
      ['the journal does not say which pipeline it was: pass the whole pipeline'],
      false,
    );
  const definition = definePipeline(pipeline as PipelineLike, stages);
  const startedAt = startOf(sessionId);
  const { maxInFlight, maxCrashes } = definition;
  const checkpointInterval = definition.checkpointInterval ?? stateManager.checkpointInterval;
  const settings = { maxInFlight, maxCrashes, checkpointInterval };
  const names = stages.map(({ name }) => name);
  const context = initialContext(names, { sessionId, pipeline: definition.name, startedAt, settings });
  const snapshot = { status: 'active', value: 'PAUSED', context, children: {} };
  return {
    ...{ sessionId, epoch, startedAt, savedAt: startedAt, pipeline: definition.name, state: 'PAUSED' },
    fingerprint: pipelineFingerprint(stages),
    settings: checkpointSettings(definition, stateManager, settings),
    source: definition.source.describe() ?? null,
    sink: definition.sink.describe() ?? null,
    deadLetter: definition.deadLetter?.describe() ?? null,
    sourceIdentity: null,
    snapshot: snapshot as unknown as JsonObject,
  };
}
