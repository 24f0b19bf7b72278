/** Node: sessions in the state directory `.xstate-pipeline`, files from `node:fs`. */
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import { sinkFromDescription, sourceFromDescription } from '../executor/files.js';
import { absolutePath } from './file-problems.js';
import { nodeFileSystem } from './node-file-system.js';
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
    const { ThreadPool } = await import('../executor/fusion/thread-pool.js');
    return new ThreadPool({ ...options, file: absolutePath(options.file, 'workers') });
  },
};
