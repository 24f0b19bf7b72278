import type { JsonObject } from '../../machines/context.js';
import type { Clock, Random } from './clock.js';
import type { FileSystem } from './file-system.js';

/** What a source or sink gets when it is opened. */
export interface OpenContext {
  readonly sessionId: string;
  /** Absent if there are no files (a browser). */
  readonly fileSystem?: FileSystem;
  readonly clock: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
  /** For a sink: the source's columns in order, if it has columns. */
  readonly columns?: readonly string[];
  /** For a sink on a fresh start: stores the position of a file, before the file takes a name without the session's id. A later
   * process can then discard the file, whenever this one is killed. Resolves also if nothing could be stored. */
  readonly notePosition?: (position: JsonObject) => Promise<void>;
  /** `of-session`: unfinished files always have the session's id in their names, because no checkpoint may know their
   * positions. */
  readonly parts?: 'of-session';
}
