/** Finds a session by its id, the first characters of it, or `last`. */
import { type CheckpointSummary, isUnfinished } from '../checkpoint/checkpoint-summary.js';
import { isSessionId } from '../checkpoint/session-id.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, InvalidOptionError } from '../errors.js';
import { canResume } from './can-resume.js';
import { runningSessions } from './running-sessions.js';

/** Shorter prefixes are more often a typing mistake than an id. */
const MIN_PREFIX = 4;

/** The meaning of `last`: the newest session, the newest that can be resumed, or the newest that a process runs (if none, the
 * newest). */
export type LastOf = 'stored' | 'unfinished' | { readonly runIn: string };

/**
 * @param given an id, at least its first four characters, or `last`.
 * @throws {CheckpointNotFoundError}
 * @throws {InvalidOptionError} when several ids have this prefix.
 */
export async function findSession(
  stateManager: StateManager,
  given: string,
  lastOf: LastOf = 'stored',
): Promise<string> {
  const { storage } = stateManager;
  if (given === 'last') return findLastSession(stateManager, lastOf);
  const wanted = given.toLowerCase();
  if (isSessionId(wanted)) return wanted;
  const found =
    wanted.length < MIN_PREFIX ? [] : (await storage.list()).filter((id) => id.startsWith(wanted));
  if (found.length > 1)
    throw new InvalidOptionError(`${found.length} sessions start with "${wanted}". Give more characters.`);
  if (found[0] !== undefined) return found[0];
  const isShort = /^[0-9a-f]+$/.test(wanted) && wanted.length < MIN_PREFIX;
  const where = `${storage.label}${isShort ? `: give at least ${MIN_PREFIX} characters of its id` : ''}`;
  throw new CheckpointNotFoundError(given, where);
}

async function findLastSession(stateManager: StateManager, lastOf: LastOf): Promise<string> {
  const any = (summary: CheckpointSummary): summary is CheckpointSummary => summary !== undefined;
  let found: string | undefined;
  if (lastOf === 'stored') found = (await stateManager.findNewest(any))?.sessionId;
  else if (lastOf === 'unfinished') found = (await stateManager.findNewest(canResume))?.sessionId;
  else {
    // The running session may be older than a paused one.
    [found] = await runningSessions(stateManager, lastOf.runIn);
    found ??= (await stateManager.findNewest(isUnfinished))?.sessionId;
    found ??= (await stateManager.findNewest(any))?.sessionId;
  }
  if (found !== undefined) return found;
  const none = lastOf === 'unfinished' ? 'which has no session that can be resumed' : 'which has no session';
  throw new CheckpointNotFoundError('last', `${stateManager.storage.label}, ${none}`);
}
