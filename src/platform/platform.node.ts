/** Node: files from `node:fs`, turns of the event loop from `setImmediate`. */
import { nodeFileSystem } from './node-file-system.js';
import type { Platform } from './platform.js';

export const platform: Platform = {
  fileSystem: nodeFileSystem,
  soon: (callback) => {
    setImmediate(callback);
  },
};
