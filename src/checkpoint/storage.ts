/**
 * What a place for sessions offers: checkpoints as text, and beside them a journal and a lock.
 *
 * Promises, pinned by `src/testing/contracts/storage.ts`:
 * 1. A `write` that resolved survives power loss; one that did not leaves the previous text, whole, or the new one, whole.
 * 2. Two generations are kept: the newest text and the one before it.
 * 3. Session ids are UUIDs; anything else is refused before it reaches a path.
 * 4. (I10) The lock is held by one owner at a time and is free the moment its process dies.
 */
import type { Journal } from './journal/journal.js';
import type { LockHandlers, SessionLock } from './lock/lock.js';
import type { RecordingLog, RecordingLogOptions } from './recording-log/recording-log.js';
import type { InFlightMarker } from './storages/in-flight-marker.js';
import type { StoredPaths } from './stored-paths.js';

/** What is stored of a session, as found. */
export interface StoredCheckpoint {
  /** Newest first; at most two. Bytes as found: nothing about them is trusted yet. */
  readonly generations: readonly { readonly name: string; readonly text: string }[];
  /** Why a generation that is there could not even be read: too large, a symlink, no permission. */
  readonly problems: readonly string[];
}

/** A place for sessions: checkpoints as text, and beside them a journal and a lock. */
export interface CheckpointStorage {
  /** What a person would look for: a directory, 'memory'. */
  readonly label: string;
  /** How paths are stored. Absent: as they are. */
  readonly paths?: StoredPaths;
  /** Undefined: no such session. */
  read(sessionId: string): Promise<StoredCheckpoint | undefined>;
  /** Makes a text the newest; resolves when it is durable. */
  write(sessionId: string, text: string): Promise<void>;
  /** Ids of all stored sessions, in no order. */
  list(): Promise<readonly string[]>;
  /** Removes a session, journal and all. Fine if there is none. */
  remove(sessionId: string): Promise<void>;
  /** Becomes the owner of the session. @throws {SessionLockedError} */
  lock(sessionId: string, handlers: LockHandlers): Promise<SessionLock>;
  /** Where what was in flight outlives the process; absent where nothing does. */
  witness?(sessionId: string): Promise<InFlightMarker>;
  /** Whether there is a recording of the session; absent where none can be kept. */
  isRecorded?(sessionId: string): Promise<boolean>;
  /** Opens the recording of the session, for its owner; absent where none can be kept. */
  recording?(sessionId: string, options: RecordingLogOptions): Promise<RecordingLog>;
  /** Opens the session's journal, making it if there is none. */
  journal(sessionId: string, epoch: number): Promise<Journal>;
}
