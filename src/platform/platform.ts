/** What the event loop and the disk offer here; chosen by the conditional import `#platform` of package.json. */
import type { FileSystem } from './file-system.js';

export interface Platform {
  /** Undefined where there are no files. */
  readonly fileSystem: FileSystem | undefined;
  /** Runs `callback` in the next turn of the event loop, after everything that is due in this one. */
  soon(callback: () => void): void;
  /** Lets a signal have any number of listeners, without a warning of a leak. */
  allowListeners(signal: AbortSignal): void;
  /** A short hash of text or bytes, for comparing what was read by the same platform. Fast, and not cryptographic. */
  checksum(data: string | Uint8Array): string;
  /** Memory that is written at once: it may hold anything. */
  allocate(bytes: number): Uint8Array;
}
