/**
 * Another session that begins in the middle of a stored one, over the same input, perhaps with other stages, and with an
 * output of its own. For Node.
 *
 * 1. The session that is forked is not changed: its output is read, its checkpoint and its journal are left alone. It is
 *    locked meanwhile (I10).
 * 2. It begins at the latest known committed point that is not after the wished batch: with a recording every point that was
 *    ever flushed is known, without one only those of the stored checkpoints, and the start. What lies before is copied.
 * 3. Nothing is taken from the journal: every stage runs again for every batch from there on.
 */
import type { Mark } from '../../../machines/facts.js';
import { restoreSnapshot } from '../../../machines/restore.js';
import { rewind } from '../../../machines/rewind.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { systemClock } from '../../clock.js';
import { ForkError, PipelineMismatchError } from '../../errors.js';
import type { FileSystem } from '../../file-system.js';
import type { JsonObject } from '../../json.js';
import type { RecordingReader } from '../../recording/reader.js';
import { deadLetterPath } from '../../sinks/dead-letter-path.js';
import { workingPath } from '../../sinks/working-file.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineLike } from '../definition.js';
import { toSource } from '../endpoints.js';
import { platform } from '../platform.node.js';
import { compareIdentity } from '../source-identity.js';
import { copyBytes } from './copy-bytes.js';
import { recordedMarks } from './recorded-marks.js';
import { durableMark, type SessionOutput, sessionOutput } from './session-output.js';

export interface ForkOptions {
  readonly stateManager: StateManager;
  readonly fileSystem: FileSystem;
  readonly sessionId: string;
  /** What goes on. */
  readonly pipeline: PipelineLike & { readonly stages: readonly AnyStage[] };
  /** The first batch that is to be done again. */
  readonly from: number;
  /** Absolute path of the new output. Default: `<output>.fork.jsonl`, with the extension of the output. */
  readonly to?: string | undefined;
  /** The session's. */
  readonly recording?: RecordingReader | undefined;
  /** Of the new session. */
  readonly newSessionId?: () => string;
}

export interface Fork {
  /** Of the new session, which is stored as PAUSED: `resume(sessionId, pipeline, { force: true })` goes on with it. */
  readonly sessionId: string;
  /** What to go on with: it writes to the new output. */
  readonly pipeline: PipelineLike;
  /** The first batch that is done again: at most the one that was wished. */
  readonly from: number;
  /** Everything before it. */
  readonly mark: Mark;
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
  { fileSystem, pipeline, from, to, recording, stateManager, newSessionId }: ForkOptions,
  checkpoint: Checkpoint,
  known: readonly Mark[],
): Promise<Fork> {
  const forked = await sessionOutput(fileSystem, checkpoint);
  const target = String(forked.sink.path);
  const output = to ?? `${target}.fork${/\.\w+$/.exec(target)?.[0] ?? ''}`;
  await assertFree(fileSystem, output, target);
  await assertSameInput(checkpoint, fileSystem);
  const marks = recording === undefined ? known : [...known, ...recordedMarks(recording)];
  const mark = latest(marks, from);
  const sink = { ...forked.sink, path: output, publish: 'rename' };
  const begun = mark === undefined ? undefined : await copied(fileSystem, checkpoint, forked, mark, output);
  const id = (newSessionId ?? (() => globalThis.crypto.randomUUID()))();
  const { context } = restoreSnapshot(checkpoint.snapshot, inputsOf(checkpoint));
  const start: Mark = begun ?? startOf(forked.mark);
  const snapshot = {
    ...{ status: 'active', value: 'PAUSED', children: {}, historyValue: {} },
    context: { ...rewind({ ...context, sessionId: id, flushed: start }), error: null },
  };
  const { error: _, ...kept } = checkpoint;
  const now = systemClock.now();
  const deadLetter = { kind: 'jsonl', path: deadLetterPath(output), publish: 'rename' };
  await stateManager.saveCheckpoint({
    ...{ ...kept, sessionId: id, epoch: 0, startedAt: now, savedAt: now, state: 'PAUSED', sink },
    deadLetter: checkpoint.deadLetter === null ? null : deadLetter,
    sourceIdentity: null,
    snapshot: JSON.parse(JSON.stringify(snapshot)) as JsonObject,
  });
  const { deadLetter: __, ...settings } = pipeline.options ?? {};
  const { name, source } = pipeline;
  return {
    sessionId: id,
    pipeline: { name, source, sink: platform.sink(sink), options: settings },
    from: start.batches,
    mark: start,
    ...{ output, forked },
  };
}

/** The file of another run is never written over. */
async function assertFree(fileSystem: FileSystem, output: string, target: string): Promise<void> {
  for (const path of [output, workingPath({ path: output, publish: 'rename' }, 1)])
    if (output === target || (await fileSystem.stat(path)) !== undefined)
      throw new ForkError(`${path} is there already: name another file for the output of the fork.`);
}

/** I15: the rows that are read again are those that were read then. */
async function assertSameInput(
  { source, sourceIdentity, sessionId, snapshot }: Checkpoint,
  fileSystem: FileSystem,
): Promise<void> {
  const { source: at } = durableMark({ snapshot } as Checkpoint);
  if (source === null || at === null) return;
  const context = { sessionId, clock: systemClock, fileSystem };
  const open = await toSource(platform.source(source)).open(at, context);
  try {
    if ((await compareIdentity(sourceIdentity, open, at)) === 'changed')
      throw new PipelineMismatchError(['the input before the committed position has changed']);
  } finally {
    await open.close();
  }
}

/** Undefined: the start. */
function latest(marks: readonly Mark[], from: number): Mark | undefined {
  const before = marks.filter(({ batches, sink }) => batches > 0 && batches <= from && sink !== null);
  return before.sort((a, b) => b.batches - a.batches)[0];
}

/** The new output, as the forked one was at the mark. */
async function copied(
  fileSystem: FileSystem,
  { deadLetter }: Checkpoint,
  forked: SessionOutput,
  mark: Mark,
  output: string,
): Promise<Mark> {
  const part = (path: string) => workingPath({ path, publish: 'rename' }, 1);
  await copyBytes(fileSystem, forked.path, part(output), Number(mark.sink?.bytes ?? 0));
  let lost = mark.deadLetter;
  if (lost !== null && typeof deadLetter?.path === 'string') {
    const working = workingPath({ path: deadLetter.path, publish: 'rename' }, Number(lost.part ?? 1));
    const from = (await fileSystem.stat(working)) === undefined ? deadLetter.path : working;
    await copyBytes(fileSystem, from, part(deadLetterPath(output)), Number(lost.bytes ?? 0));
    lost = { ...lost, part: 1 };
  }
  return { ...mark, sink: { ...mark.sink, part: 1 }, deadLetter: lost };
}

function startOf(mark: Mark): Mark {
  const nothing = { batches: 0, rowsIn: 0, rowsOut: 0, malformed: 0, done: 0, elapsedMs: 0 };
  const stages = mark.stages.map(({ stage }) => ({
    ...{ stage, batches: 0, rowsIn: 0, rowsOut: 0 },
    ...{ skipped: 0, deadLettered: 0, retries: 0, busyMs: 0 },
  }));
  const losses = { total: 0, named: [], reasons: [] };
  return { ...nothing, source: null, sink: null, deadLetter: null, stages, losses };
}

function inputsOf(checkpoint: Checkpoint) {
  return durableMark(checkpoint).stages.map(({ stage }) => ({ name: stage, concurrency: 1, attempts: 1 }));
}
