/** `xstate-pipeline/node`: what needs files: sources, sinks, the state directory and its sessions, structured logs. */
export {
  type AcquireLock,
  type LowdbStorageOptions,
  lowdbStorage,
} from './checkpoint/storages/lowdb-storage.js';
export type { FileEndpoint, FileInputEndpoint } from './executor/endpoints/endpoints.js';
export { type CsvOptions, csv, type JsonlOptions, jsonl } from './executor/endpoints/files.js';
export {
  type ArgumentOption,
  type ArgumentOptions,
  type ArgumentValues,
  withArguments,
} from './executor/endpoints/pipeline-arguments.js';
export { type EventLogger, type LogEventsOptions, logEvents } from './observers/logger.js';
export { nodeFileSystem } from './platform/node-file-system.js';
export {
  cancelSession,
  pauseSession,
  type SessionCommandOptions,
  type SessionStatus,
  sessionStatus,
  tuneSession,
} from './sessions/control-session.js';
export {
  type InspectedFeed,
  type InspectedSession,
  type InspectorCommand,
  type InspectorHost,
  type InspectorHostOptions,
  inspectorHost,
} from './sessions/inspector-host.js';
export {
  type ListSessionsOptions,
  listSessions,
  type StoredSession,
} from './sessions/listing/list-sessions.js';
export { type Redrive, type RedriveOptions, redriveSession } from './sessions/outputs/redrive.js';
export type { SessionState } from './sessions/owner.js';
export type { SplitKey } from './sinks/split/split-sink.js';
export type { Publish } from './sinks/written-file.js';
export type { CsvSourceOptions } from './sources/csv.js';
export type { EnteringRows } from './sources/dead-letters/described-dead-letters.js';
export type { JsonlSourceOptions } from './sources/jsonl.js';
