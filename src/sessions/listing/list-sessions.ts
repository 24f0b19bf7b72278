/** The stored sessions, newest first, each with the process that runs it. */
import { type CheckpointSummary, isSound } from '../../checkpoint/checkpoint-summary.js';
import { newestIdsFirst } from '../../checkpoint/session-id.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../../checkpoint/storages/state-directory.js';
import { optional, options, readOptions, text, whole } from '../../formats/shape.js';
import type { ErrorData } from '../../observers/events.js';
import { concurrently } from '../../platform/concurrently.js';
import { canResume } from '../can-resume.js';
import { type SessionOwner, type SessionState, sessionState } from '../owner.js';
import { ownerIfAny } from '../running-sessions.js';
import { storedMark } from '../stored-metrics.js';
import { type IndexedSession, SessionIndex } from './session-index.js';

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
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const stored = await stateManager.storage.list();
  const ids = limit === undefined ? stored : newestIdsFirst(stored).slice(0, limit);
  const readListed = async (sessionId: string) => {
    const summary = await stateManager.readSummary(sessionId);
    return summary && storedSession(await withOwner(summary, stateDir));
  };
  const listed =
    ids.length < MANY
      ? concurrently(ids, AT_ONCE, readListed)
      : listIndexed(stateDir, stored, ids, readListed);
  return (await listed).filter((session) => session !== undefined).sort(newestFirst);
}

/** Fewer sessions are listed without an index, and fewer changed ones do not make it worth writing. */
const MANY = 100;

async function listIndexed(
  stateDir: string,
  stored: readonly string[],
  ids: readonly string[],
  readListed: (sessionId: string) => Promise<StoredSession | undefined>,
): Promise<(StoredSession | undefined)[]> {
  const index = await SessionIndex.read(stateDir);
  const listed = await concurrently(ids, AT_ONCE, async (sessionId) => {
    const stamp = await index.stamp(sessionId);
    const known = stamp === undefined ? undefined : index.find(sessionId, stamp);
    if (known !== undefined) return known;
    const session = await readListed(sessionId);
    if (stamp !== undefined && session !== undefined && isSettled(session)) index.add(stamp, session);
    return session;
  });
  await index.save(stored, MANY);
  return listed;
}

/** What is listed of the session changes only with its files. */
function isSettled(session: StoredSession): session is IndexedSession {
  return (
    session.pid === undefined &&
    session.state !== 'corrupt' &&
    session.state !== 'running' &&
    session.state !== 'pausing'
  );
}

function newestFirst(a: StoredSession, b: StoredSession): number {
  const savedAt = (session: StoredSession) =>
    session.state === 'corrupt' ? Number.NEGATIVE_INFINITY : session.savedAt;
  return savedAt(b) - savedAt(a) || (a.sessionId < b.sessionId ? -1 : 1);
}

export interface SessionWithOwner {
  readonly summary: CheckpointSummary;
  readonly owner: SessionOwner | undefined;
}

/** Sessions that are read at once. Each may open a file or ask a lock: all at once would exhaust the file descriptors. */
const AT_ONCE = 32;

/** The sessions that were started last, newest first. */
export async function newestWithOwners(
  stateManager: StateManager,
  stateDir: string,
  limit: number,
): Promise<SessionWithOwner[]> {
  const summaries = await stateManager.newestCheckpoints(limit);
  return concurrently(summaries, AT_ONCE, (summary) => withOwner(summary, stateDir));
}

async function withOwner(summary: CheckpointSummary, stateDir: string): Promise<SessionWithOwner> {
  const owner = summary.state === 'COMPLETED' ? undefined : await ownerIfAny(stateDir, summary.sessionId);
  return { summary, owner };
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
