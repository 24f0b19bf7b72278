/** A stored run again from a batch on, with today's stages: what would come out differently. */
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
  /** The first batch to be done again. It begins at the latest committed point that is known at or before it. */
  readonly from: number;
  /** Path of the new output. Default: `<output>.fork.jsonl`, or with the output's own extension. */
  readonly to?: string;
  /** Field of the rows (JSON Lines) that makes a row the same row in both outputs. Default: the whole row. */
  readonly key?: string;
  /** Differences that are kept. Default 10. */
  readonly examples?: number;
}

/** What `rerun` found. */
export interface RerunResult<T = unknown> extends OutputDiff {
  /** Of the new session. */
  readonly sessionId: string;
  /** The batch that it began at. */
  readonly from: number;
  /** Path of the new output. */
  readonly output: string;
  readonly result: ExecutionResult<T>;
  /** For a person. */
  readonly text: string;
}

/** Forks a stored run at a batch, runs the rest with the pipeline's stages into a new session and a new file, and compares
 * the rows. The forked session and its output stay as they are.
 * @param session its id, in `.xstate-pipeline`; or `{ session, stateDir }`.
 * @throws {ForkError | PipelineMismatchError | CheckpointNotFoundError} and what ends the run. */
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
  const begun = fork.from === from ? '' : `, the last committed point before batch ${from}`;
  const text = `Again from batch ${fork.from}${begun}, into ${fork.output}: ${diffText(diff)}`;
  return { ...diff, sessionId: fork.sessionId, from: fork.from, output: fork.output, result, text };
}

/** A disk in memory has no locks of the kernel's. */
function storageOf(stateDir: string, { fileSystem }: StoredSessionPlace) {
  if (fileSystem === undefined) return lowdbStorage(stateDir);
  const lock = memoryLock();
  return lowdbStorage(stateDir, {
    fileSystem,
    acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
  });
}
