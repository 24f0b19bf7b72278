/** Commands to the process that runs a session, for `xstate-pipeline/node` and for the command line. */
import { join } from 'node:path';
import { sendControl } from '../checkpoint/lock/control-client.js';
import type { ControlCommand } from '../checkpoint/lock/lock.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';
import { CheckpointNotFoundError, ControlError } from '../errors.js';
import type { CancelReceipt, PauseReceipt } from '../executor/receipts.js';
import type { Tuning } from '../executor/session/tune.js';
import type { JsonObject } from '../formats/json.js';
import {
  amount,
  fieldsOf,
  flag,
  jsonObject,
  nullable,
  optional,
  options,
  readOptions,
  type Shape,
  ShapeError,
  text,
  whole,
} from '../formats/shape.js';
import type { ErrorData } from '../observers/events.js';
import { codeOf } from '../platform/thrown.js';
import { isBeyondResume } from './can-resume.js';
import { findSession } from './find-session.js';
import { lostOutput } from './lost-output.js';
import { type SessionState, sessionState } from './owner.js';
import { storedMark } from './stored-metrics.js';

/** Options of `sessionStatus`, `pauseSession` and `cancelSession`. */
export interface SessionCommandOptions {
  /** Where sessions are stored. Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  /** How long to wait for the answer of the process that runs the session, in milliseconds. Default: 5,000 for a status, 60,000
   * for a cancel, one day for a pause, which waits for the batches in flight. */
  readonly timeoutMs?: number;
}

/** The progress of a session: of the process that runs it, else of its checkpoint. */
export interface SessionStatus {
  readonly sessionId: string;
  readonly pipeline: string;
  readonly state: Exclude<SessionState, 'corrupt'>;
  /** No process runs it, and a resume can complete it. */
  readonly canResume: boolean;
  readonly batchesInFlight: number;
  /** Committed batches. */
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Milliseconds of work, over all processes. */
  readonly elapsedMs: number;
  /** When the checkpoint was saved, in milliseconds since the epoch; only if no process runs the session. */
  readonly savedAt?: number;
  /** Why it failed. */
  readonly error?: ErrorData;
}

/** How long each command waits for its answer. A pause waits for the batches in flight. */
export const PATIENCE_MS: Readonly<Record<ControlCommand, number>> = {
  pause: 86_400_000,
  cancel: 60_000,
  status: 5_000,
  record: 5_000,
  tune: 5_000,
};

const COUNTS = { batches: whole(0), rowsIn: whole(0), rowsOut: whole(0) };
const RECEIPT = fieldsOf({ ...COUNTS, sinkPosition: optional(nullable(jsonObject)) });
const STATUS = fieldsOf({
  ...COUNTS,
  pipeline: text(10_000),
  state: text(100),
  pausing: optional(flag),
  batchesInFlight: whole(0),
  elapsedMs: amount(0),
});

const OPTIONS = options({ stateDir: optional(text(10_000, 1)), timeoutMs: optional(whole(1, 2 ** 31 - 1)) });

/**
 * The progress of a session. The process that runs it answers; if there is none, its checkpoint does.
 *
 * @param session an id, its first characters, or `'last'`: the newest that a process runs, else the newest unfinished one, else
 * the newest.
 * @throws {CheckpointNotFoundError | CorruptCheckpointError | ControlError | InvalidOptionError}
 * @example
 * const { state, rowsIn } = await sessionStatus('last', { stateDir: 'sessions' });
 */
export async function sessionStatus(
  session: string,
  options: SessionCommandOptions = {},
): Promise<SessionStatus> {
  const target = await findTarget('sessionStatus()', session, options);
  let answer: JsonObject;
  try {
    answer = await send(target, 'status');
  } catch (error) {
    if (codeOf(error) !== 'NO_OWNER') throw error;
    return storedStatus(target);
  }
  const { pausing, state, ...status } = readAnswer(STATUS, answer, target);
  return {
    ...status,
    sessionId: target.sessionId,
    state: pausing === true ? 'pausing' : state === 'PAUSED' ? 'paused' : 'running',
    canResume: false,
  };
}

/**
 * Pauses a session, whatever process runs it: the batches in flight are finished and committed. Its `run()` rejects with
 * `PipelinePausedError`.
 *
 * @param session an id, its first characters, or `'last'`: the newest that a process runs.
 * @returns what is stored now.
 * @throws {NoOwnerError} if no process runs it.
 * @throws {ControlError} if the process refuses, ends, or does not answer in time.
 * @throws {CheckpointNotFoundError | InvalidOptionError}
 * @example
 * const { rowsIn } = await pauseSession('last', { stateDir: 'sessions' });
 */
export async function pauseSession(
  session: string,
  options: SessionCommandOptions = {},
): Promise<PauseReceipt> {
  const target = await findTarget('pauseSession()', session, options);
  return receiptOf(await send(target, 'pause'), target);
}

/**
 * Cancels a session, whatever process runs it: its stages are aborted, its last checkpoint is kept. Its `run()` rejects with
 * `PipelineCancelledError`.
 *
 * @param session an id, its first characters, or `'last'`: the newest that a process runs.
 * @returns what is stored now.
 * @throws {NoOwnerError} if no process runs it.
 * @throws {ControlError} if the process refuses, ends, or does not answer in time.
 * @throws {CheckpointNotFoundError | InvalidOptionError}
 * @example
 * await cancelSession('last', { stateDir: 'sessions' });
 */
export async function cancelSession(
  session: string,
  options: SessionCommandOptions = {},
): Promise<CancelReceipt> {
  const target = await findTarget('cancelSession()', session, options);
  return receiptOf(await send(target, 'cancel'), target);
}

/**
 * Changes concurrency and rate limits of a session, whatever process runs it.
 *
 * @param session an id, its first characters, or `'last'`: the newest that a process runs.
 * @returns what is in force, for the stages and limiters that are named.
 * @throws {NoOwnerError} if no process runs it.
 * @throws {ControlError} if the process refuses: a stage or limiter that it has not, a value out of range.
 * @throws {CheckpointNotFoundError | InvalidOptionError}
 * @example
 * await tuneSession('last', { stages: { classify: { concurrency: 4 } } }, { stateDir: 'sessions' });
 */
export async function tuneSession(
  session: string,
  tuning: Tuning,
  options: SessionCommandOptions = {},
): Promise<Tuning> {
  const target = await findTarget('tuneSession()', session, options);
  return send(target, 'tune', JSON.parse(JSON.stringify(tuning)) as JsonObject) as Promise<Tuning>;
}

interface Target {
  readonly sessionId: string;
  readonly stateDir: string;
  readonly stateManager: StateManager;
  readonly timeoutMs: number | undefined;
}

async function findTarget(of: string, session: string, options: SessionCommandOptions): Promise<Target> {
  const { stateDir = DEFAULT_STATE_DIRECTORY, timeoutMs } = readOptions(of, OPTIONS, options);
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, session, { runIn: stateDir });
  return { sessionId, stateDir, stateManager, timeoutMs };
}

async function send(target: Target, command: ControlCommand, value?: JsonObject): Promise<JsonObject> {
  const { sessionId, stateDir, stateManager, timeoutMs = PATIENCE_MS[command] } = target;
  try {
    return await sendControl({ directory: join(stateDir, sessionId), sessionId, command, value, timeoutMs });
  } catch (error) {
    if (codeOf(error) !== 'NO_OWNER') throw error;
    if ((await stateManager.storage.read(sessionId)) === undefined)
      throw new CheckpointNotFoundError(sessionId, stateManager.storage.label);
    throw error;
  }
}

async function storedStatus({ sessionId, stateManager }: Target): Promise<SessionStatus> {
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const { pipeline, state, savedAt, error } = checkpoint;
  const { batches = 0, rowsIn = 0, rowsOut = 0, elapsedMs = 0 } = storedMark(checkpoint) ?? {};
  return {
    ...{ sessionId, pipeline, state: sessionState(state, undefined) },
    canResume:
      state !== 'COMPLETED' && !isBeyondResume(error?.code) && (await lostOutput(checkpoint)) === undefined,
    ...{ batchesInFlight: 0, batches, rowsIn, rowsOut, elapsedMs, savedAt },
    ...(error !== undefined && { error }),
  };
}

function receiptOf(answer: JsonObject, target: Target): PauseReceipt {
  const { sinkPosition = null, ...counts } = readAnswer(RECEIPT, answer, target);
  return { sessionId: target.sessionId, ...counts, sinkPosition };
}

/** What another process answered; it may be of another release. @throws {ControlError} */
function readAnswer<T>(described: Shape<T>, answer: JsonObject, { sessionId }: Target): T {
  try {
    return described.read(answer, '');
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ControlError(`The owner of session ${sessionId} sent an unusable answer: ${error.message}.`);
  }
}
