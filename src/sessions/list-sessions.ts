/** The stored sessions, newest first, each with the process that runs it. */
import { type CheckpointSummary, isSound } from '../checkpoint/checkpoint-summary.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';
import { optional, options, readOptions, text, whole } from '../formats/shape.js';
import type { ErrorData } from '../observers/events.js';
import { concurrently } from '../platform/concurrently.js';
import { canResume } from './can-resume.js';
import { type SessionOwner, type SessionState, sessionState } from './owner.js';
import { ownerIfAny } from './running-sessions.js';
import { storedMark } from './stored-metrics.js';

/** Options of `listSessions`. */
export interface ListSessionsOptions {
  /** Where sessions are stored. Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  /** Sessions to read at most, those that were started last. Default: all. */
  readonly limit?: number;
}

/** A stored session. Counts are those of its checkpoint; times are milliseconds since the epoch. */
export type StoredSession =
  | {
      readonly sessionId: string;
      readonly state: Exclude<SessionState, 'corrupt'>;
      /** The process that runs it; undefined: none, or it is too busy to answer. */
      readonly pid?: number;
      /** No process runs it, and a resume can complete it. */
      readonly canResume: boolean;
      readonly pipeline: string;
      /** The file of `xstate-pipeline run`, if the session was begun by it. */
      readonly pipelineFile?: string;
      /** Committed batches. */
      readonly batches: number;
      readonly rowsIn: number;
      readonly rowsOut: number;
      readonly startedAt: number;
      readonly savedAt: number;
      /** Why it failed. */
      readonly error?: ErrorData;
    }
  | {
      readonly sessionId: string;
      /** Its checkpoint cannot be used. */
      readonly state: 'corrupt';
      readonly pid?: number;
      readonly canResume: false;
      readonly reasons: readonly string[];
      /** The files may be sound: this process may not read them. */
      readonly isUnreadable?: true;
    };

const OPTIONS = options({ stateDir: optional(text(10_000, 1)), limit: optional(whole(0)) });

/**
 * Lists the stored sessions, newest first, with the state of each and the process that runs it.
 *
 * @throws {InvalidOptionError | StateDirectoryError}
 * @example
 * for (const { sessionId, state, canResume } of await listSessions({ stateDir: 'sessions' }))
 *   console.log(sessionId, state, canResume);
 */
export async function listSessions(options: ListSessionsOptions = {}): Promise<StoredSession[]> {
  const { stateDir = DEFAULT_STATE_DIRECTORY, limit } = readOptions('listSessions()', OPTIONS, options);
  const listed = await sessionsWithOwners(new StateManager(lowdbStorage(stateDir)), stateDir, limit);
  return listed.map(storedSession);
}

export interface SessionWithOwner {
  readonly summary: CheckpointSummary;
  readonly owner: SessionOwner | undefined;
}

/** Each asks the lock of one session. All at once would exhaust the file descriptors. */
const SOCKETS_AT_ONCE = 32;

export async function sessionsWithOwners(
  stateManager: StateManager,
  stateDir: string,
  limit?: number,
): Promise<SessionWithOwner[]> {
  const summaries =
    limit === undefined ? await stateManager.listCheckpoints() : await stateManager.newestCheckpoints(limit);
  return concurrently(summaries, SOCKETS_AT_ONCE, async (summary) => ({
    summary,
    owner: summary.state === 'COMPLETED' ? undefined : await ownerIfAny(stateDir, summary.sessionId),
  }));
}

function storedSession({ summary, owner }: SessionWithOwner): StoredSession {
  const { sessionId } = summary;
  const pid = owner?.pid === undefined ? {} : { pid: owner.pid };
  const corrupt = (reasons: readonly string[]) =>
    ({ sessionId, state: 'corrupt', ...pid, canResume: false, reasons }) as const;
  if (!isSound(summary))
    return { ...corrupt(summary.reasons), ...(summary.isUnreadable && { isUnreadable: true }) };
  const { state, pipeline, pipelineFile, startedAt, savedAt, error, checkpoint } = summary;
  const mark = storedMark(checkpoint);
  if (mark === undefined) return corrupt(['its snapshot is not valid']);
  return {
    ...{ sessionId, state: sessionState(state, owner), ...pid },
    canResume: owner === undefined && canResume(summary),
    pipeline,
    ...(pipelineFile !== undefined && { pipelineFile }),
    ...{ batches: mark.batches, rowsIn: mark.rowsIn, rowsOut: mark.rowsOut, startedAt, savedAt },
    ...(error !== undefined && { error }),
  };
}
