/** `xstate-pipeline/node`: what needs files: sources, sinks, the state directory, structured logs. */
export { type LowdbStorageOptions, lowdbStorage } from './checkpoint/lowdb-storage.js';
export { nodeFileSystem } from './checkpoint/node-file-system.js';
export {
  type InspectedFeed,
  type InspectedSession,
  type InspectorCommand,
  type InspectorHost,
  type InspectorHostOptions,
  inspectorHost,
} from './cli/inspector-host.js';
export type { FileEndpoint } from './executor/endpoints.js';
export { csv, jsonl } from './executor/files.js';
export { logEvents } from './observers/logger.js';
