/**
 * Forks a stored session: a new session that begins in the middle of it, over the same input, with its own output and possibly
 * other stages. For Node.
 *
 * 1. The forked session is not changed. It is locked meanwhile (I10).
 * 2. The fork begins at the latest known committed point up to the given batch. A recording has all committed points; without
 *    one, those of the stored checkpoints and the start are known. The output before that point is copied.
 * 3. The journal is not used: every stage runs again for every batch from there on.
 */
import { type CheckpointMark, emptyCheckpointMark } from '../../../machines/context.js';
import { rewind } from '../../../machines/initial-context.js';
import { restoreSnapshot } from '../../../machines/restore/restore.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { ForkError, PipelineMismatchError } from '../../errors.js';
import { defaults } from '../../executor/defaults.node.js';
import type { PipelineLike } from '../../executor/definition.js';
import { toSource } from '../../executor/endpoints/endpoints.js';
import { compareInput } from '../../executor/session/opening/source-identity.js';
import type { JsonObject } from '../../formats/json.js';
import { systemClock } from '../../platform/clock.js';
import type { FileSystem } from '../../platform/file-system.js';
import type { RecordingReader } from '../../recording/reader.js';
import type { AnyStage } from '../../stages/stage.js';
import { assertKeyed } from '../diff/diff-sessions.js';
import { durableMark, type SessionOutput, sessionOutput } from '../diff/session-output.js';
import { copyState, forkedResults, holdState } from '../state/copy-state.js';
import { copyUpTo, type ForkedFiles, forkedFiles, holdMark } from './forked-files.js';
import { recordedMarks } from './recorded-marks.js';

export interface ForkOptions {
  readonly stateManager: StateManager;
  readonly fileSystem: FileSystem;
  readonly sessionId: string;
  /** The pipeline of the fork. */
  readonly pipeline: PipelineLike & { readonly stages: readonly AnyStage[] };
  /** The first batch to process again. */
  readonly from: number;
  /** Absolute path of the new output. Default: `<output>.fork.jsonl`, with the extension of the output. */
  readonly to?: string | undefined;
  /** Field that identifies a row when outputs are compared. */
  readonly key?: string | undefined;
  /** The forked session's. */
  readonly recording?: RecordingReader | undefined;
  /** Of the new session. */
  readonly newSessionId?: () => string;
}

export interface Fork {
  /** The new session, stored as PAUSED: `resume(sessionId, pipeline, { force: true })` resumes it. */
  readonly sessionId: string;
  /** The pipeline to resume with: it writes to the new output. */
  readonly pipeline: PipelineLike;
  /** The first batch that is processed again: at most the given one. */
  readonly from: number;
  /** The mark before that batch. */
  readonly mark: CheckpointMark;
  /** Path of the new output. */
  readonly output: string;
  readonly forked: SessionOutput;
}

/** @throws {ForkError | PipelineMismatchError | CheckpointNotFoundError | CorruptCheckpointError | SessionLockedError} */
export async function forkSession(options: ForkOptions): Promise<Fork> {
  const { stateManager, sessionId, from } = options;
  if (!Number.isSafeInteger(from) || from < 0)
    throw new ForkError('A session is forked from a batch: a whole number from 0.');
  const { candidates, checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const { batches } = durableMark(checkpoint);
  if (checkpoint.state === 'COMPLETED' && from >= Math.max(1, batches))
    throw new ForkError(
      `Session ${sessionId} has no batch ${from}: its batches are 0 to ${Math.max(0, batches - 1)}.`,
    );
  const lock = await stateManager.lock(sessionId, {});
  try {
    const known = candidates.flatMap((candidate) =>
      candidate.checkpoint === undefined ? [] : [durableMark(candidate.checkpoint)],
    );
    return await fork(options, checkpoint, known);
  } finally {
    await lock.release();
  }
}

async function fork(
  { fileSystem, pipeline, from, to, key, recording, stateManager, newSessionId }: ForkOptions,
  checkpoint: Checkpoint,
  known: readonly CheckpointMark[],
): Promise<Fork> {
  const forked = await sessionOutput(fileSystem, checkpoint);
  await assertKeyed(fileSystem, key, forked);
  const files = await forkedFiles(fileSystem, checkpoint, forked, to);
  await assertSameInput(fileSystem, checkpoint, pipeline);
  const marks = recording === undefined ? known : [...known, ...recordedMarks(recording)];
  const results = await forkedResults(fileSystem, pipeline.stages);
  const held = (mark: CheckpointMark) => holdState(stateManager, checkpoint.sessionId, mark);
  const found = await latest(fileSystem, marks, from, files, held);
  const start = found ?? emptyCheckpointMark(forked.mark.stages.map(({ stage }) => stage));
  const id = (newSessionId ?? (() => globalThis.crypto.randomUUID()))();
  const { mark, undo } = await copyUpTo(fileSystem, files, start);
  try {
    const copied = await copyState(stateManager, [checkpoint.sessionId, id], mark, results);
    await stateManager.saveCheckpoint(checkpointOf(checkpoint, id, copied, files));
  } catch (error) {
    await stateManager.cleanupCheckpoints(id).catch(() => {});
    await undo();
    throw error;
  }
  const { deadLetter: _, ...options } = pipeline.options ?? {};
  const { name, source } = pipeline;
  const { sink, deadLetter } = files;
  return {
    sessionId: id,
    pipeline: {
      ...{ name, source, sink: defaults.sink(sink.description) },
      options:
        deadLetter === undefined
          ? options
          : { ...options, deadLetter: defaults.sink(deadLetter.description) },
    },
    from: mark.batches,
    mark,
    output: sink.path,
    forked,
  };
}

/** The input must be the one that the session has read (I15). */
async function assertSameInput(
  fileSystem: FileSystem,
  { source, sourceIdentity, sessionId, snapshot }: Checkpoint,
  pipeline: PipelineLike,
): Promise<void> {
  const { source: at } = durableMark({ snapshot });
  if (source === null || at === null) return;
  const today = toSource(pipeline.source).describe();
  const inputOf = ({ kind, path, paths }: JsonObject) => JSON.stringify([kind, path ?? paths]);
  if (today === undefined || inputOf(today) !== inputOf(source))
    throw new PipelineMismatchError([
      `the session has read ${source.path ?? 'other files'}, and the pipeline has another source`,
    ]);
  const context = { sessionId, clock: systemClock, fileSystem };
  const open = await toSource(defaults.source(source)).open(at, context);
  try {
    const { difference } = await compareInput(sourceIdentity, open, at);
    if (difference !== undefined) throw new PipelineMismatchError([difference]);
  } finally {
    await open.close();
  }
}

/** Undefined: the start. */
async function latest(
  fileSystem: FileSystem,
  marks: readonly CheckpointMark[],
  from: number,
  files: ForkedFiles,
  holdsState: (mark: CheckpointMark) => Promise<boolean>,
): Promise<CheckpointMark | undefined> {
  const before = marks.filter(({ batches, sink }) => batches > 0 && batches <= from && sink !== null);
  for (const mark of before.sort((a, b) => b.batches - a.batches))
    if ((await holdMark(fileSystem, files, mark)) && (await holdsState(mark))) return mark;
  return undefined;
}

/** The checkpoint that the new session resumes from. A fork is an experiment: its output is never delivered. */
function checkpointOf(
  checkpoint: Checkpoint,
  sessionId: string,
  flushed: CheckpointMark,
  { sink, deadLetter }: ForkedFiles,
): Checkpoint {
  const inputs = flushed.stages.map(({ stage }) => ({ name: stage, concurrency: 1, attempts: 1 }));
  const { context } = restoreSnapshot(checkpoint.snapshot, inputs);
  const snapshot = {
    ...{ status: 'active', value: 'PAUSED', children: {}, historyValue: {} },
    context: { ...rewind({ ...context, sessionId, flushed }), error: null },
  };
  const { error: _, spending: __, redriven: ___, ...kept } = checkpoint;
  const now = systemClock.now();
  const settings = { ...kept.settings, delivers: false };
  return {
    ...{ ...kept, sessionId, epoch: 0, startedAt: now, savedAt: now, state: 'PAUSED', sourceIdentity: null },
    ...{ sink: sink.description, deadLetter: deadLetter?.description ?? null, settings },
    snapshot: JSON.parse(JSON.stringify(snapshot)) as JsonObject,
  };
}
