/** `xstate-pipeline/storage`: the ports behind `StateManager`, for authors of a storage of their own. */

export type { CheckpointCandidate, LoadedCheckpoint } from './checkpoint/choose-checkpoint.js';
export type { Checkpoint, CheckpointSettings, Redriven } from './checkpoint/envelope.js';
export type { Journal, JournalKey } from './checkpoint/journal/journal.js';
export type { ControlCommand, LockHandlers, SessionLock } from './checkpoint/lock/lock.js';
export type { RecordingLog, RecordingLogOptions } from './checkpoint/recording-log/recording-log.js';
export { assertSessionId, isSessionId } from './checkpoint/session-id.js';
export type { StateLogs } from './checkpoint/state-logs/state-logs.js';
export type { CheckpointStorage, StoredCheckpoint } from './checkpoint/storage.js';
export type { InFlightMarker } from './checkpoint/storages/in-flight-marker.js';
export type { StoredPaths } from './checkpoint/stored-paths.js';
export type { FileHandle, FileStat, FileSystem, OpenMode } from './platform/file-system.js';
export type { LedgerState } from './spending/ledger.js';
