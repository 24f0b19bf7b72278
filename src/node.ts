/** `xstate-pipeline/node`: what needs files: sources, sinks, the state directory, structured logs. */
export { type LowdbStorageOptions, lowdbStorage } from './checkpoint/lowdb-storage.js';
export { nodeFileSystem } from './checkpoint/node-file-system.js';
export type { FileEndpoint } from './endpoint.js';
export { csv, jsonl } from './files.js';
export { logEvents } from './observers/logger.js';
