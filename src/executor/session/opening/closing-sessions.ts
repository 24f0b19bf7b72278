/**
 * Sessions that this process is closing at this moment: an opening of the same session waits for the end of it, and is not
 * refused by its own process (I28).
 */
import type { LockHandlers, SessionLock } from '../../../checkpoint/lock/lock.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { Environment } from '../../../platform/environment.js';

/** By file system: a simulated process has its own. */
const processes = new WeakMap<object, Map<string, Promise<unknown>>>();
const NO_FILES: object = {};

function closingsOf({ fileSystem }: Environment): Map<string, Promise<unknown>> {
  const place: object = fileSystem ?? NO_FILES;
  const known = processes.get(place) ?? new Map<string, Promise<unknown>>();
  processes.set(place, known);
  return known;
}

/** @param closed settles when the session is free, or when waiting for it is over. */
export function addClosing(environment: Environment, sessionId: string, closed: Promise<unknown>): void {
  const closings = closingsOf(environment);
  const done = closed
    .catch(() => {})
    .then(() => {
      if (closings.get(sessionId) === done) closings.delete(sessionId);
    });
  closings.set(sessionId, done);
}

/** Becomes the session's owner, after this process has closed it.
 * @throws {SessionLockedError} when it has another owner. */
export async function lockSession(
  { stateManager, environment }: { readonly stateManager: StateManager; readonly environment: Environment },
  sessionId: string,
  handlers: LockHandlers,
  assertOpening: () => void = () => {},
): Promise<SessionLock> {
  // An actor that was stopped just now ends its run in a microtask.
  await Promise.resolve();
  // An opening that has ended must not wait for its own end.
  assertOpening();
  await closingsOf(environment).get(sessionId);
  return stateManager.lock(sessionId, handlers);
}
