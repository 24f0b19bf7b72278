/**
 * A stored session as test material: any checkpoint of any released format, or a bare machine snapshot.
 *
 * It comes in by the doors that a resume uses (I9, I18): the envelope's reader for the format that the file says it has
 * (`checkpoint/envelope.ts` holds one for each), then `restoreSnapshot`. Nothing of the file reaches `createActor` unchecked.
 */
import type { Snapshot } from 'xstate';
import type { ExecutorState } from '../../machines/context.js';
import { type RestoredSnapshot, restoreSnapshot } from '../../machines/restore.js';
import type { StageInput } from '../../machines/stage-events.js';
import { type Checkpoint, decodeCheckpoint, MAX_CHECKPOINT_BYTES } from '../checkpoint/envelope.js';
import { CorruptCheckpointError, messageOf } from '../errors.js';
import { stageInputs } from '../executor/session/stage-inputs.js';
import { isObject, parseUntrusted } from '../formats/json.js';
import { absolutePath, problemOf } from '../platform/file-problems.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import type { AnyStage } from '../stages/stage.js';
import { TestingError } from './errors.js';

/** A stored session, checked and rebuilt. */
export interface LoadedSnapshot {
  /** The whole checkpoint; undefined where the file held a bare machine snapshot. */
  readonly checkpoint: Checkpoint | undefined;
  /** The state that it was stored in; `snapshot.value` is the one that it comes back in. */
  readonly storedState: ExecutorState;
  /** What `createExecutorMachine` takes, in order. */
  readonly stages: readonly Omit<StageInput, 'index'>[];
  /** What `createActor(createExecutorMachine(stages), { snapshot, input: {} })` resumes from. */
  readonly snapshot: RestoredSnapshot & Snapshot<unknown>;
  /** The file, as it is. */
  readonly text: string;
}

/** Loads a stored checkpoint, or a bare snapshot as `actor.getPersistedSnapshot()` gave it.
 * @param file path or `file:` URL: a session's `checkpoint.json`, a copy of one.
 * @param stages those of the pipeline that is to go on. Default: as the snapshot names them.
 * @throws {CorruptCheckpointError | InvalidSnapshotError} saying what is wrong with it. @throws {TestingError} where there is none.
 * @example
 * const { stages, snapshot } = await loadSnapshot('fixtures/killed.json');
 * const actor = createActor(createExecutorMachine(stages), { snapshot, input: {} }).start(); */
export async function loadSnapshot(
  file: string | URL,
  stages?: readonly AnyStage[],
): Promise<LoadedSnapshot> {
  const path = absolutePath(file, 'checkpoint');
  const bytes = await nodeFileSystem.readFile(path, 4 * MAX_CHECKPOINT_BYTES).catch((cause: unknown) => {
    throw new TestingError(`Cannot read the checkpoint ${path}: ${problemOf(cause)}.`, { cause });
  });
  try {
    return readSnapshot(new TextDecoder().decode(bytes), stages);
  } catch (error) {
    if (!(error instanceof CorruptCheckpointError)) throw error;
    throw new CorruptCheckpointError(
      error.sessionId,
      error.reasons.map((reason) => `${path}: ${reason}`),
    );
  }
}

/** The same for a text. */
export function readSnapshot(text: string, stages?: readonly AnyStage[]): LoadedSnapshot {
  const value = parsed(text);
  const isEnvelope = 'checksum' in value || 'format' in value;
  const sessionId = typeof value.sessionId === 'string' ? value.sessionId : 'unknown';
  const checkpoint = isEnvelope ? decodeCheckpoint(text, sessionId) : undefined;
  const persisted = checkpoint === undefined ? value : checkpoint.snapshot;
  const inputs = stages === undefined ? storedStages(persisted) : stageInputs(stages);
  const restored = restoreSnapshot(persisted, inputs);
  return {
    checkpoint,
    storedState: (persisted as { readonly value: ExecutorState }).value,
    stages: inputs,
    snapshot: ofStatus(restored),
    text,
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

/** XState's type tells the two statuses apart. */
function ofStatus(restored: RestoredSnapshot): RestoredSnapshot & Snapshot<unknown> {
  return restored.status === 'done'
    ? { ...restored, status: 'done' }
    : { ...restored, status: 'active', output: undefined };
}

/** As the snapshot says; what it says is checked by `restoreSnapshot`. */
function storedStages(persisted: unknown): Omit<StageInput, 'index'>[] {
  const { context, children } = persisted as { context?: { stages?: unknown }; children?: unknown };
  const names = Array.isArray(context?.stages) ? (context.stages as unknown[]).map(String) : [];
  return names.map((name) => {
    const child = isObject(children) ? children[`stage:${name}`] : undefined;
    const facts = (child as { snapshot?: { context?: Record<string, unknown> } } | undefined)?.snapshot
      ?.context;
    return { name, concurrency: atLeast1(facts?.concurrency), attempts: atLeast1(facts?.attempts) };
  });
}

function atLeast1(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : 1;
}
