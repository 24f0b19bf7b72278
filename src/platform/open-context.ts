import type { Clock } from './clock.js';
import type { FileSystem } from './file-system.js';

/** What a source or sink gets when it is opened. */
export interface OpenContext {
  readonly sessionId: string;
  /** Absent if there are no files (a browser). */
  readonly fileSystem?: FileSystem;
  readonly clock: Clock;
  /** For a sink: the source's columns in order, if it has columns. */
  readonly columns?: readonly string[];
  /** `of-session`: unfinished files always have the session's id in their names, because no checkpoint may know their
   * positions. */
  readonly parts?: 'of-session';
}
