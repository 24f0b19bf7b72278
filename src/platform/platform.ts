/** What differs between Node and a browser; chosen by the conditional import `#platform` of package.json. */
import type { JsonObject } from '../../machines/context.js';
import type { CheckpointStorage } from '../checkpoint/storage.js';
import type { PassThreads, ThreadsOptions } from '../executor/fusion/thread-job.js';
import type { Sink } from '../sinks/sink.js';
import type { Source } from '../sources/source.js';
import type { FileSystem } from './file-system.js';

export interface Platform {
  /** Undefined where there are no files. */
  readonly fileSystem: FileSystem | undefined;
  /** Where `run()` keeps sessions unless told. @param directory ignored where there are no files. */
  storage(directory: string | undefined): CheckpointStorage;
  /** Rebuilds a file source from its description. @throws {InvalidOptionError} */
  source(description: JsonObject): Source<unknown>;
  sink(description: JsonObject): Sink<unknown>;
  /** Runs `callback` when what is happening at this moment has all happened: as soon as the event loop comes round. */
  soon(callback: () => void): void;
  /** Worker threads; absent where there are none. */
  threads?(options: ThreadsOptions): Promise<PassThreads>;
}
