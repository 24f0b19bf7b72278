import type { Clock } from './clock.js';
import type { FileSystem } from './file-system.js';

/** What a source or sink is given when it is opened. */
export interface OpenContext {
  readonly sessionId: string;
  /** Absent where there are no files (a browser). */
  readonly fileSystem?: FileSystem;
  readonly clock: Clock;
}
