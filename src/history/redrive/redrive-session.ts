/**
 * Redrives a completed session: its dead letters become the source of a new session of the same pipeline. For Node.
 *
 * 1. The new session writes a file of its own beside the first output; both together are complete. A sink that keeps the rows of
 *    earlier runs (`appends`) gets the rows itself.
 * 2. A row enters at the stage that lost it. The stages before that one must be those that the row has passed (I15): nothing that
 *    was paid for is paid again. That stage and later ones may have changed.
 * 3. The dead letters of a session are taken once. Its checkpoint names the session that takes them: before that session is stored,
 *    and again afterwards, so that a crash in between is seen.
 * 4. State by key (`fold`, `distinct`) continues from that of the first session: results are those of both.
 * 5. The first session is locked meanwhile (I10). Nothing is run here: a resume of the new session does the work.
 */
import type { CheckpointMark, JsonObject } from '../../../machines/context.js';
import { initialContext } from '../../../machines/initial-context.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { CheckpointNotFoundError, PipelineMismatchError, RedriveError } from '../../errors.js';
import { definePipeline, executorSettings, type PipelineLike } from '../../executor/definition.js';
import { checkpointSettings } from '../../executor/session/checkpoints/checkpoint-settings.js';
import { systemClock } from '../../platform/clock.js';
import type { FileSystem } from '../../platform/file-system.js';
import { countDeadLetters, deadLetterSource } from '../../sources/dead-letters/dead-letters.js';
import {
  type DeadLetters,
  describedDeadLetters,
  type EnteringRows,
  INPUT,
  rowsOf,
} from '../../sources/dead-letters/described-dead-letters.js';
import { differencesBefore, pipelineFingerprint } from '../../stages/pipeline-fingerprint.js';
import type { AnyStage } from '../../stages/stage.js';
import { durableMark } from '../diff/session-output.js';
import { describedFile, findWritten, writtenPosition } from '../diff/written-file.js';
import { copyState, sameResults } from '../state/copy-state.js';
import { redrivenOutputs } from './redriven-outputs.js';

export interface RedriveParts {
  readonly stateManager: StateManager;
  readonly fileSystem: FileSystem;
  /** Of the new session. */
  readonly newSessionId: () => string;
  readonly sessionId: string;
  readonly pipeline: PipelineLike & { readonly stages: readonly AnyStage[] };
  /** Absolute path of the new output. */
  readonly to: string | undefined;
  /** Accepts stages before the entering ones that have changed. */
  readonly force: boolean;
}

/** The session that takes the dead letters of another one. */
export interface Redrive {
  /** `run({ resume: sessionId })` does the work, and continues it after a crash. */
  readonly sessionId: string;
  /** The session whose dead letters it takes. */
  readonly redrives: string;
  /** False: an earlier call stored it. */
  readonly isNew: boolean;
  /** It has completed: nothing is left to do. */
  readonly isCompleted: boolean;
  /** Rows that it takes. */
  readonly rows: number;
  /** The stages at which they enter, in order. `source`: at the first stage, because no stage had received them. */
  readonly entering: readonly EnteringRows[];
  /** Rows of the input that were malformed: fix them in the input. They are not taken. */
  readonly malformed: number;
  /** Absolute path of the new output; undefined: it is not a file. */
  readonly output?: string;
}

/** @returns undefined: the session has no dead letters.
 * @throws {RedriveError | PipelineMismatchError | CheckpointNotFoundError | CorruptCheckpointError | SessionLockedError} */
export async function prepareRedrive(parts: RedriveParts): Promise<Redrive | undefined> {
  const { stateManager, sessionId } = parts;
  const lock = await stateManager.lock(sessionId, {});
  let lostAgain: string;
  try {
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    if (!isOver(checkpoint))
      throw new RedriveError(
        `Session ${sessionId} is not completed: it may still lose rows. Resume it first, then redrive it.`,
      );
    if (durableMark(checkpoint).deadLetter === null) return undefined;
    const begun = checkpoint.redriven;
    const earlier = begun && (await storedRedrive(stateManager, begun.sessionId));
    if (begun?.isStored === true && earlier === undefined)
      throw new RedriveError(
        `The dead letters of session ${sessionId} were taken by session ${begun.sessionId}, which is no longer stored. To take them again, read the dead letters as an input of their own.`,
      );
    if (begun !== undefined && earlier !== undefined) {
      await note(parts, checkpoint, begun.sessionId, true);
      if (earlier.state === 'COMPLETED' || !isOver(earlier))
        return redriveOf(earlier, lettersOf(earlier), false);
      lostAgain = earlier.sessionId;
    } else return await begin(parts, checkpoint, begun?.sessionId ?? parts.newSessionId());
  } finally {
    await lock.release();
  }
  // Every row was lost again: the dead letters of that session are the rows that are left.
  return prepareRedrive({ ...parts, sessionId: lostAgain });
}

/** Nothing can change any more: it has completed, or lost every row. */
export function isOver({ state, error }: Checkpoint): boolean {
  return state === 'COMPLETED' || (state === 'FAILED' && error?.code === 'NO_USABLE_OUTPUT');
}

async function storedRedrive(stateManager: StateManager, sessionId: string): Promise<Checkpoint | undefined> {
  try {
    return (await stateManager.loadCheckpoint(sessionId)).checkpoint;
  } catch (error) {
    if (error instanceof CheckpointNotFoundError) return undefined;
    throw error;
  }
}

async function note(
  { stateManager }: RedriveParts,
  checkpoint: Checkpoint,
  sessionId: string,
  isStored: boolean,
): Promise<void> {
  const { redriven } = checkpoint;
  if (redriven?.sessionId === sessionId && redriven.isStored === isStored) return;
  await stateManager.saveCheckpoint({ ...checkpoint, redriven: { sessionId, isStored } });
}

async function begin(parts: RedriveParts, checkpoint: Checkpoint, newId: string): Promise<Redrive> {
  const { stateManager, pipeline } = parts;
  const letters = await findLetters(parts, checkpoint);
  assertPassedStages(parts, checkpoint, letters);
  const outputs = await redrivenOutputs(parts.fileSystem, checkpoint, pipeline, parts.to);
  await note(parts, checkpoint, newId, false);
  const ends = { ...outputs, source: deadLetterSource(letters).describe() as JsonObject };
  const results = sameResults(pipeline.stages);
  const { state } = await copyState(
    stateManager,
    [checkpoint.sessionId, newId],
    durableMark(checkpoint),
    results,
  );
  const stored = newCheckpoint(parts, checkpoint, newId, ends, state);
  await stateManager.saveCheckpoint(stored);
  await note(parts, { ...checkpoint, redriven: { sessionId: newId, isStored: false } }, newId, true);
  return redriveOf(stored, letters, true);
}

/** Finds the rows that can be taken again. */
async function findLetters(
  { fileSystem, pipeline }: RedriveParts,
  checkpoint: Checkpoint,
): Promise<DeadLetters> {
  const { sessionId } = checkpoint;
  const file = describedFile(checkpoint.deadLetter);
  if (file === undefined || checkpoint.deadLetter?.kind !== 'jsonl')
    throw new RedriveError(
      `The dead letters of session ${sessionId} are not in a JSON Lines file, and only those can be redriven. Give the pipeline the option deadLetter: jsonl(path).`,
    );
  const path = await findWritten(
    fileSystem,
    file,
    writtenPosition(durableMark(checkpoint).deadLetter),
    checkpoint.state === 'COMPLETED',
  ).catch((cause: unknown) => {
    throw new RedriveError(
      `The dead letters of session ${sessionId} are no longer in ${file.path}. A later run may have replaced the file. Restore it, then redrive.`,
      { cause },
    );
  });
  const counts = await countDeadLetters(path, { sessionId, clock: systemClock, fileSystem });
  const order = [INPUT, ...pipeline.stages.map(({ name }) => name)];
  const known = order.filter((stage) => counts.byStage.has(stage));
  const gone = [...counts.byStage.keys()].filter((stage) => !order.includes(stage));
  if (gone.length > 0)
    throw new RedriveError(
      `Session ${sessionId} lost rows in stage "${gone[0]}", and the pipeline has no such stage. Redrive with a pipeline that has it.`,
    );
  if (known.length === 0)
    throw new RedriveError(
      `All dead letters of session ${sessionId} are malformed rows of the input. Fix them in the input, then run again.`,
    );
  const entering = known.map((stage) => ({ stage, rows: counts.byStage.get(stage) ?? 0 }));
  return { path, session: sessionId, entering, malformed: counts.malformed };
}

/** @throws {PipelineMismatchError} unless the rows passed the very stages before the one where they enter. */
function assertPassedStages(
  { pipeline, force }: RedriveParts,
  { fingerprint }: Checkpoint,
  { entering }: DeadLetters,
): void {
  if (force) return;
  const differences = entering.flatMap(({ stage }) =>
    stage === INPUT ? [] : differencesBefore(stage, fingerprint, pipeline.stages),
  );
  if (differences.length > 0) throw new PipelineMismatchError([...new Set(differences)]);
}

function lettersOf({ sessionId, source }: Checkpoint): DeadLetters {
  const letters = describedDeadLetters(source);
  if (letters !== undefined) return letters;
  throw new RedriveError(`Session ${sessionId} does not read dead letters, although a checkpoint says so.`);
}

function redriveOf({ sessionId, sink, state }: Checkpoint, letters: DeadLetters, isNew: boolean): Redrive {
  const { session, entering, malformed } = letters;
  const path = sink?.path;
  return {
    ...{ sessionId, redrives: session, isNew, isCompleted: state === 'COMPLETED' },
    ...{ rows: rowsOf(letters), entering, malformed },
    ...(typeof path === 'string' && { output: path }),
  };
}

/** The checkpoint of the new session, before its first row. */
function newCheckpoint(
  { stateManager, pipeline }: RedriveParts,
  { pipelineFile, pipelineArguments }: Checkpoint,
  sessionId: string,
  ends: Pick<Checkpoint, 'source' | 'sink' | 'deadLetter'>,
  state: CheckpointMark['state'],
): Checkpoint {
  const { stages } = pipeline;
  const definition = definePipeline(pipeline, stages);
  const names = stages.map(({ name }) => name);
  const now = systemClock.now();
  const settings = executorSettings(definition, stateManager);
  const begun = initialContext(names, { sessionId, pipeline: pipeline.name, startedAt: now, settings });
  const context = { ...begun, ...(state !== undefined && { flushed: { ...begun.flushed, state } }) };
  const snapshot = { status: 'active', value: 'PAUSED', children: {}, historyValue: {}, context };
  return {
    ...{ sessionId, epoch: 0, startedAt: now, savedAt: now, state: 'PAUSED', sourceIdentity: null },
    ...{ pipeline: pipeline.name, ...(pipelineFile !== undefined && { pipelineFile }) },
    ...(pipelineArguments !== undefined && { pipelineArguments }),
    fingerprint: pipelineFingerprint(stages),
    settings: checkpointSettings(definition, stateManager, settings),
    ...ends,
    snapshot: JSON.parse(JSON.stringify(snapshot)) as JsonObject,
  };
}
