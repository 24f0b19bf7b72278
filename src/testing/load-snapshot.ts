/**
 * Loads a stored session as a test fixture: a checkpoint of any released format, or a bare machine snapshot.
 *
 * It takes the same path as a resume (I9, I18): the envelope's reader for the file's format (`checkpoint/envelope.ts`), then
 * `restoreSnapshot`. `createActor` gets only checked fields.
 */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Snapshot } from 'xstate';
import type { ExecutorState } from '../../machines/context.js';
import { type RestoredSnapshot, restoreSnapshot } from '../../machines/restore/restore.js';
import type { StageInput } from '../../machines/stage-events.js';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  MAX_CHECKPOINT_BYTES,
} from '../checkpoint/envelope.js';
import { isSessionId } from '../checkpoint/session-id.js';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';
import { withProcessPaths } from '../checkpoint/stored-paths.js';
import { CorruptCheckpointError } from '../errors.js';
import { stageInputs } from '../executor/session/stage-inputs.js';
import { isObject, parseUntrusted } from '../formats/json.js';
import { absolutePath, problemOf } from '../platform/file-problems.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { messageOf } from '../platform/thrown.js';
import type { AnyStage } from '../stages/stage.js';
import { TestingError } from './errors.js';

/** Options of `loadSnapshot`. */
export interface LoadSnapshotOptions {
  /** Gives the path in place of one of the checkpoint: of source, sink, dead letters and pipeline file. For a fixture that another
   * computer has written. @param path absolute. @returns a path; a relative one is relative to the working directory. */
  readonly relocate?: (path: string) => string;
}

/** A stored session, checked and rebuilt. */
export interface LoadedSnapshot {
  /** The whole checkpoint, with absolute paths; undefined for a bare machine snapshot. */
  readonly checkpoint: Checkpoint | undefined;
  /** The stored state; `snapshot.value` is the restored state. */
  readonly storedState: ExecutorState;
  /** The argument of `createExecutorMachine`, in order. */
  readonly stages: readonly Omit<StageInput, 'index'>[];
  /** For `createActor(createExecutorMachine(stages), { snapshot, input: {} })`. */
  readonly snapshot: RestoredSnapshot & Snapshot<unknown>;
  /** The file's text; with `relocate`, that of the relocated checkpoint. */
  readonly text: string;
}

/** Loads a stored checkpoint, or a bare snapshot from `actor.getPersistedSnapshot()`.
 *
 * Paths inside the project are stored relative to the state directory. Of a copy outside a session's folder, they are read as if
 * its own folder were the project: `fixtures/killed.json` reads `fixtures/in.jsonl`.
 * @param file path or `file:` URL of a session's `checkpoint.json`, or of a copy.
 * @param stages stages of the pipeline that will resume. Default: the stages that the snapshot names.
 * @throws {CorruptCheckpointError | InvalidSnapshotError} with the reasons. @throws {TestingError} when the file cannot be read.
 * @example
 * const { stages, snapshot } = await loadSnapshot('fixtures/killed.json');
 * const actor = createActor(createExecutorMachine(stages), { snapshot, input: {} }).start(); */
export async function loadSnapshot(
  file: string | URL,
  stages?: readonly AnyStage[],
  options: LoadSnapshotOptions = {},
): Promise<LoadedSnapshot> {
  const path = absolutePath(file, 'checkpoint');
  const bytes = await nodeFileSystem.readFile(path, 4 * MAX_CHECKPOINT_BYTES).catch((cause: unknown) => {
    throw new TestingError(`Cannot read the checkpoint ${path}: ${problemOf(cause)}.`, { cause });
  });
  try {
    return snapshotIn(new TextDecoder().decode(bytes), stages, stateDirectoryOf(path), options);
  } catch (error) {
    if (!(error instanceof CorruptCheckpointError)) throw error;
    throw new CorruptCheckpointError(
      error.sessionId,
      error.reasons.map((reason) => `${path}: ${reason}`),
    );
  }
}

/** `loadSnapshot` for a text. Paths inside the project are relative to the working directory. */
export function readSnapshot(
  text: string,
  stages?: readonly AnyStage[],
  options: LoadSnapshotOptions = {},
): LoadedSnapshot {
  return snapshotIn(text, stages, resolve(DEFAULT_STATE_DIRECTORY), options);
}

/** The state directory of a checkpoint's file. */
function stateDirectoryOf(path: string): string {
  const folder = dirname(path);
  return isSessionId(basename(folder)) ? dirname(folder) : join(folder, DEFAULT_STATE_DIRECTORY);
}

function snapshotIn(
  text: string,
  stages: readonly AnyStage[] | undefined,
  stateDir: string,
  { relocate }: LoadSnapshotOptions,
): LoadedSnapshot {
  const value = parsed(text);
  const isEnvelope = 'checksum' in value || 'format' in value;
  const sessionId = typeof value.sessionId === 'string' ? value.sessionId : 'unknown';
  const fromStored = (path: string) => {
    const absolute = isAbsolute(path) ? path : resolve(stateDir, path);
    return relocate === undefined ? absolute : resolve(relocate(absolute));
  };
  const checkpoint = isEnvelope
    ? withProcessPaths(decodeCheckpoint(text, sessionId), { toStored: (path) => path, fromStored })
    : undefined;
  const persisted = checkpoint === undefined ? value : checkpoint.snapshot;
  const inputs = stages === undefined ? storedStages(persisted) : stageInputs(stages);
  const restored = restoreSnapshot(persisted, inputs);
  return {
    checkpoint,
    storedState: (persisted as { readonly value: ExecutorState }).value,
    stages: inputs,
    snapshot: withStatus(restored),
    text: checkpoint === undefined || relocate === undefined ? text : encodeCheckpoint(checkpoint),
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value = parseUntrusted(text, { maxLength: 4 * MAX_CHECKPOINT_BYTES, maxDepth: 32 });
    if (isObject(value)) return value;
  } catch (error) {
    throw new CorruptCheckpointError('unknown', [messageOf(error)]);
  }
  throw new CorruptCheckpointError('unknown', ['not an object']);
}

/** Narrows the status, as XState's type requires. */
function withStatus(restored: RestoredSnapshot): RestoredSnapshot & Snapshot<unknown> {
  return restored.status === 'done'
    ? { ...restored, status: 'done' }
    : { ...restored, status: 'active', output: undefined };
}

/** Reads the stages from the snapshot; `restoreSnapshot` checks them. */
function storedStages(persisted: unknown): Omit<StageInput, 'index'>[] {
  const { context, children } = persisted as { context?: { stages?: unknown }; children?: unknown };
  const names = Array.isArray(context?.stages) ? (context.stages as unknown[]).map(String) : [];
  return names.map((name) => {
    const child = isObject(children) ? children[`stage:${name}`] : undefined;
    const context = (child as { snapshot?: { context?: Record<string, unknown> } } | undefined)?.snapshot
      ?.context;
    return { name, concurrency: atLeast1(context?.concurrency), attempts: atLeast1(context?.attempts) };
  });
}

function atLeast1(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : 1;
}
