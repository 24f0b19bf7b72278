/** The defaults of `run()`, chosen by the conditional import `#defaults` of package.json. */
import type { JsonObject } from '../../machines/context.js';
import type { CheckpointStorage } from '../checkpoint/storage.js';
import type { Sink } from '../sinks/sink.js';
import type { Source } from '../sources/source.js';
import type { FusionThreads, ThreadsOptions } from './fusion/thread-job.js';

export interface Defaults {
  /** Where `run()` stores sessions. @param directory ignored without a file system. */
  storage(directory: string | undefined): CheckpointStorage;
  /** Rebuilds a file source from its description. @throws {InvalidOptionError} */
  source(description: JsonObject): Source<unknown>;
  /** Rebuilds a file sink from its description. @throws {InvalidOptionError} */
  sink(description: JsonObject): Sink<unknown>;
  /** Starts worker threads; absent in a browser. */
  threads?(options: ThreadsOptions): Promise<FusionThreads>;
}
