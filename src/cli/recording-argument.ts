/** The argument of `replay` and `inspect`: the path of a recording, or a session. */
import { stat } from 'node:fs/promises';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import { RecordingError } from '../errors.js';
import type { StoredSessionPlace } from '../history/open-recording.js';
import { findSession } from '../sessions/find-session.js';
import { quoted } from '../sessions/invocation.js';

/** @throws {RecordingError} for a path where nothing is. @throws {CheckpointNotFoundError | InvalidOptionError} */
export async function recordingPlaceOf(
  given: string,
  stateDir: string,
): Promise<string | StoredSessionPlace> {
  const exists = await stat(given).then(
    () => true,
    () => false,
  );
  if (exists) return given;
  if (/[/\\]|\.jsonl$/.test(given))
    throw new RecordingError(`There is no recording ${quoted(given)}. Check the path, or give a session.`);
  return { session: await findSession(new StateManager(lowdbStorage(stateDir)), given), stateDir };
}
