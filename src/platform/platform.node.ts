/** Node: files from `node:fs`, turns of the event loop from `setImmediate`. */
import { setMaxListeners } from 'node:events';
import { crc32 } from 'node:zlib';
import { nodeFileSystem } from './node-file-system.js';
import type { Platform } from './platform.js';

export const platform: Platform = {
  fileSystem: nodeFileSystem,
  soon: (callback) => {
    setImmediate(callback);
  },
  // One attempt's signal goes to as many calls as the attempt has rows.
  allowListeners: (signal) => setMaxListeners(0, signal),
  // Not zeroed, and none of the pool that small buffers share.
  allocate: (bytes) => Buffer.allocUnsafeSlow(bytes),
  checksum: (data) => crc32(data).toString(16).padStart(8, '0'),
};
