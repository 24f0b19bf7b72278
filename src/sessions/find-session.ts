/** Which session is meant: its id, the beginning of it, or `last`. */
import { type CheckpointSummary, isUnfinished } from '../checkpoint/checkpoint-summary.js';
import { isSessionId } from '../checkpoint/session-id.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, InvalidOptionError } from '../errors.js';
import { ownerOf } from './owner.js';

/** Shorter beginnings are more often a slip than an id. */
const MIN_PREFIX = 4;

/** Which session `last` is: the newest of all; of those that can be resumed; or the newest that is being run, and where none
 * is, the newest. */
export type LastOf = 'stored' | 'unfinished' | { readonly runIn: string };

/**
 * @param given an id, at least its first four characters, or `last`.
 * @throws {CheckpointNotFoundError}
 * @throws {InvalidOptionError} when several ids begin so.
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
    throw new InvalidOptionError(`${found.length} sessions begin with "${wanted}". Give more of the id.`);
  if (found[0] !== undefined) return found[0];
  const isShort = /^[0-9a-f]+$/.test(wanted) && wanted.length < MIN_PREFIX;
  const where = `${storage.label}${isShort ? `: give at least ${MIN_PREFIX} characters of its id` : ''}`;
  throw new CheckpointNotFoundError(given, where);
}

async function findLastSession(stateManager: StateManager, lastOf: LastOf): Promise<string> {
  const stored = await stateManager.listCheckpoints();
  const unfinished = stored.filter(isUnfinished);
  const last =
    lastOf === 'stored'
      ? stored[0]
      : lastOf === 'unfinished'
        ? unfinished[0]
        : ((await findRunning(unfinished, lastOf.runIn)) ?? unfinished[0] ?? stored[0]);
  if (last !== undefined) return last.sessionId;
  const none = lastOf === 'unfinished' ? 'unfinished' : 'stored';
  throw new CheckpointNotFoundError('last', `${stateManager.storage.label}, where none is ${none}`);
}

/** An older session may be the one that runs: a newer one may have been paused since. */
async function findRunning(
  summaries: readonly CheckpointSummary[],
  stateDir: string,
): Promise<CheckpointSummary | undefined> {
  for (const summary of summaries) {
    if ((await ownerOf(stateDir, summary.sessionId)) !== undefined) return summary;
  }
  return undefined;
}
