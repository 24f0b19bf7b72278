/** Node: sessions in the state directory `.xstate-pipeline`, files from `node:fs`. */
import { lowdbStorage } from '../checkpoint/lowdb-storage.js';
import { nodeFileSystem } from '../checkpoint/node-file-system.js';
import { absolutePath } from '../file-problems.js';
import { sinkFromDescription, sourceFromDescription } from './files.js';
import type { Platform } from './platform.js';

export const DEFAULT_STATE_DIRECTORY = '.xstate-pipeline';

export const platform: Platform = {
  fileSystem: nodeFileSystem,
  storage: (directory) => lowdbStorage(directory ?? DEFAULT_STATE_DIRECTORY),
  source: sourceFromDescription,
  sink: sinkFromDescription,
  soon: (callback) => {
    setImmediate(callback);
  },
  async threads(options) {
    const { ThreadPool } = await import('./threads/thread-pool.js');
    return new ThreadPool({ ...options, file: absolutePath(options.file, 'workers') });
  },
};
