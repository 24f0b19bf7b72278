/** Which session is meant: its id, the beginning of it, or `last`. */
import { type CheckpointSummary, isUnfinished } from '../checkpoint/checkpoint-summary.js';
import { isSessionId } from '../checkpoint/session-id.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, InvalidOptionError } from '../errors.js';

/** Shorter beginnings are more often a slip than an id. */
const MIN_PREFIX = 4;

/**
 * @param given an id, at least its first four characters, or `last`.
 * @param isMeant which sessions `last` is the newest of.
 * @throws {CheckpointNotFoundError}
 * @throws {InvalidOptionError} when several ids begin so.
 */
export async function findSession(
  stateManager: StateManager,
  given: string,
  isMeant: (summary: CheckpointSummary) => boolean = () => true,
): Promise<string> {
  const { storage } = stateManager;
  if (given === 'last') {
    const last = (await stateManager.listCheckpoints()).find(isMeant);
    if (last === undefined)
      throw new CheckpointNotFoundError(
        'last',
        `${storage.label}, where none is ${isMeant === isUnfinished ? 'unfinished' : 'stored'}`,
      );
    return last.sessionId;
  }
  const wanted = given.toLowerCase();
  if (isSessionId(wanted)) return wanted;
  const found =
    wanted.length < MIN_PREFIX ? [] : (await storage.list()).filter((id) => id.startsWith(wanted));
  if (found.length > 1)
    throw new InvalidOptionError(`${found.length} sessions begin with "${wanted}". Give more of the id.`);
  if (found[0] === undefined) throw new CheckpointNotFoundError(given, storage.label);
  return found[0];
}
