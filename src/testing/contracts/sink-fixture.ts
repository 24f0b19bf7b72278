import type { FileSystem } from '../../platform/file-system.js';
import type { ReadableSink } from '../../sinks/sink.js';

/** A sink to test, in a place of its own. */
export interface SinkFixture {
  readonly sink: ReadableSink<unknown>;
  /** 10 to 40 rows. */
  readonly rows: readonly unknown[];
  /** `rows`, as they are read back. */
  readonly readBack: readonly unknown[];
  /** Passed to the sink when it is opened. Default: none. */
  readonly fileSystem?: FileSystem;
  /** Whether two unfinished sessions can exist side by side. */
  readonly sideBySide: boolean;
  /** They must have ids of their own: what is written is kept by session. Default false. */
  readonly bySession?: boolean;
  /** An opening refuses others of the same session as long as it lasts. Default false. */
  readonly holdsSession?: boolean;
  /** What is at the target: equal for equal contents. Undefined: nothing. */
  target(): Promise<unknown>;
  /** Removes what was written and is not published. */
  loseUnpublished(): Promise<void>;
}
