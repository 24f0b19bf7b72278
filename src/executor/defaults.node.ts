/** Defaults in Node: sessions in the state directory `.xstate-pipeline`, file sources and sinks, worker threads. */
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';
import { absolutePath } from '../platform/file-problems.js';
import type { Defaults } from './defaults.js';
import { sinkFromDescription, sourceFromDescription } from './endpoints/files.js';

/** A worker thread loads a pipeline file, as the command line does. */
const THREAD_PROGRAM = new URL('../cli/thread.js', import.meta.url);

export const defaults: Defaults = {
  storage: (directory) => lowdbStorage(directory ?? DEFAULT_STATE_DIRECTORY),
  source: sourceFromDescription,
  sink: sinkFromDescription,
  async threads(options) {
    const { ThreadPool } = await import('./fusion/thread-pool.js');
    return new ThreadPool({
      ...options,
      program: THREAD_PROGRAM,
      file: absolutePath(options.file, 'workers'),
    });
  },
};
