/** Runs a stored run again from a batch, with the current stages, and compares the outputs. */
import { resolve } from 'node:path';
import { memoryLock } from '../checkpoint/lock/memory-lock.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import type { Pipeline } from '../executor/pipeline.js';
import { PipelineExecutor } from '../executor/pipeline-executor.js';
import type { ExecutionResult } from '../executor/result.js';
import { diffFork, diffText, type OutputDiff } from '../history/diff/diff-sessions.js';
import { forkSession } from '../history/fork/fork-session.js';
import { openRecording, type StoredSessionPlace } from '../history/open-recording.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { assertPipeline } from './errors.js';

/** Options of `rerun`. */
export interface RerunOptions {
  /** The first batch to run again. The rerun starts at the latest known committed point at or before it. */
  readonly from: number;
  /** Path of the new output. Default: `<output>.fork.jsonl`, with the output's own extension. */
  readonly to?: string;
  /** Field (JSON Lines) that identifies a row in both outputs. Default: the whole row. */
  readonly key?: string;
  /** Number of differences to keep. Default 10. */
  readonly examples?: number;
}

/** What `rerun` returns. */
export interface RerunResult<T = unknown> extends OutputDiff {
  /** Id of the new session. */
  readonly sessionId: string;
  /** The batch that the rerun started at. */
  readonly from: number;
  /** Path of the new output. */
  readonly output: string;
  readonly result: ExecutionResult<T>;
  /** The result as text. */
  readonly text: string;
}

/** Forks a stored run at a batch, runs the rest with the pipeline's stages into a new session and a new file, and compares
 * the rows. The original session and its output stay unchanged.
 * @param session its id, in `.xstate-pipeline`; or `{ session, stateDir }`.
 * @throws {ForkError | PipelineMismatchError | CheckpointNotFoundError} and the error that ends the run.
 * @example
 * const { changed, text } = await rerun(reviews, sessionId, { from: 40, key: 'id' });
 */
export async function rerun<T>(
  pipeline: Pipeline<T>,
  session: string | StoredSessionPlace,
  options: RerunOptions,
): Promise<RerunResult<T>> {
  assertPipeline(pipeline);
  const place: StoredSessionPlace = typeof session === 'string' ? { session } : session;
  const { session: sessionId, stateDir = '.xstate-pipeline' } = place;
  const fileSystem = place.fileSystem ?? nodeFileSystem;
  const stateManager = new StateManager(storageOf(stateDir, place));
  const { from, to, key, examples } = options;
  const isRecorded = await stateManager.storage.isRecorded?.(sessionId);
  const fork = await forkSession({
    ...{ stateManager, fileSystem, sessionId, pipeline, from, key },
    to: to === undefined ? undefined : resolve(to),
    recording: isRecorded === true ? await openRecording(place) : undefined,
  });
  const executor = new PipelineExecutor<T>(pipeline.stages, stateManager, [], { fileSystem });
  const result = await executor.resume(fork.sessionId, fork.pipeline, { force: true });
  const { checkpoint } = await stateManager.loadCheckpoint(fork.sessionId);
  const diff = await diffFork(fileSystem, fork, checkpoint, { key, examples });
  const point = fork.from === from ? '' : `, the last committed point before batch ${from}`;
  const text = `Rerun from batch ${fork.from}${point}, into ${fork.output}: ${diffText(diff)}`;
  return { ...diff, sessionId: fork.sessionId, from: fork.from, output: fork.output, result, text };
}

/** A disk in memory has no kernel locks. */
function storageOf(stateDir: string, { fileSystem }: StoredSessionPlace) {
  if (fileSystem === undefined) return lowdbStorage(stateDir);
  const lock = memoryLock();
  return lowdbStorage(stateDir, {
    fileSystem,
    acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
  });
}
