/** `xstate-pipeline/node`: what needs files: sources, sinks, the state directory, structured logs. */
export {
  type AcquireLock,
  type LowdbStorageOptions,
  lowdbStorage,
} from './checkpoint/storages/lowdb-storage.js';
export type { FileEndpoint } from './executor/endpoints.js';
export { type CsvOptions, csv, type JsonlOptions, jsonl } from './executor/files.js';
export { type EventLogger, type LogEventsOptions, logEvents } from './observers/logger.js';
export { nodeFileSystem } from './platform/node-file-system.js';
export {
  type InspectedFeed,
  type InspectedSession,
  type InspectorCommand,
  type InspectorHost,
  type InspectorHostOptions,
  inspectorHost,
} from './sessions/inspector-host.js';
export type { Publish } from './sinks/written-file.js';
