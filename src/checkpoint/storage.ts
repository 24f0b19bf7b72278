/**
 * The port of a storage: checkpoints as text, with a journal and a lock for each session.
 *
 * Promises, pinned by `src/testing/contracts/storage.ts`:
 * 1. A `write` that resolved survives power loss. One that did not leaves the previous text or the new one, whole.
 * 2. Two generations are kept: the newest text and the one before it.
 * 3. Session ids are UUIDs; any other text is refused before it reaches a path.
 * 4. (I10) The lock has one owner at a time and is free as soon as the owner's process ends.
 */
import type { JsonObject } from '../formats/json.js';
import type { Journal } from './journal/journal.js';
import type { LockHandlers, SessionLock } from './lock/lock.js';
import type { RecordingLog, RecordingLogOptions } from './recording-log/recording-log.js';
import type { StateLogs } from './state-logs/state-logs.js';
import type { InFlightMarker } from './storages/in-flight-marker.js';
import type { StoredPaths } from './stored-paths.js';

/** The stored generations of a checkpoint. */
export interface StoredCheckpoint {
  /** Newest first; at most two. Not checked yet. */
  readonly generations: readonly { readonly name: string; readonly text: string }[];
  /** Why a generation that exists could not be read: too large, a symlink, a disk error. */
  readonly problems: readonly string[];
}

/** Stores sessions: checkpoints as text, with a journal and a lock for each session. */
export interface CheckpointStorage {
  /** Names the place in messages: a directory, 'memory'. */
  readonly label: string;
  /** How paths are stored. Absent: as they are. */
  readonly paths?: StoredPaths;
  /** Undefined: no such session.
   * @param depth 'newest' may stop at the first generation that can be read. */
  read(sessionId: string, depth?: 'newest' | 'all'): Promise<StoredCheckpoint | undefined>;
  /** Makes a text the newest generation; resolves when it is durable. */
  write(sessionId: string, text: string): Promise<void>;
  /** Ids of all stored sessions, in no particular order. */
  list(): Promise<readonly string[]>;
  /** Removes a session with its journal. No error if there is none. */
  remove(sessionId: string): Promise<void>;
  /** Becomes the owner of the session. @throws {SessionLockedError} */
  lock(sessionId: string, handlers: LockHandlers): Promise<SessionLock>;
  /** Notes what the session will write to, before the first byte and the first checkpoint, so that what a killed opening left can be
   * found. Not durable. Absent where nothing outlives the process. */
  noteOutputs?(sessionId: string, outputs: JsonObject): Promise<void>;
  /** What was noted of a session without a checkpoint. */
  notedOutputs?(sessionId: string): Promise<JsonObject | undefined>;
  /** Opens the in-flight marker; absent where it would not outlive the process. */
  inFlightMarker?(sessionId: string): Promise<InFlightMarker>;
  /** Whether the session has a recording; absent where none can be kept. */
  isRecorded?(sessionId: string): Promise<boolean>;
  /** Opens the session's recording, for its owner; absent where none can be kept. */
  recording?(sessionId: string, options: RecordingLogOptions): Promise<RecordingLog>;
  /** Opens the session's logs of keyed state, for `fold` and `distinct`. `remove` removes them, too. Absent: pipelines with such
   * stages are refused. */
  stateLogs?(sessionId: string, epoch: number): Promise<StateLogs>;
  /** Opens the session's journal; creates it if there is none. */
  journal(sessionId: string, epoch: number): Promise<Journal>;
}
