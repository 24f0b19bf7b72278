/** Node: files from `node:fs`, turns of the event loop from `setImmediate`. */
import { crc32 } from 'node:zlib';
import { nodeFileSystem } from './node-file-system.js';
import type { Platform } from './platform.js';

export const platform: Platform = {
  fileSystem: nodeFileSystem,
  soon: (callback) => {
    setImmediate(callback);
  },
  checksum: (data) => crc32(data).toString(16).padStart(8, '0'),
};
