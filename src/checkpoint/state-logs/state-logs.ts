/**
 * The port of keyed state: append-only logs of one session, beside its checkpoint and never in it (I3).
 *
 * A checkpoint carries a log's name, its length and a checksum. Whatever a log holds beyond that length was not committed.
 *
 * 1. `append` cuts the log at `at`, and resolves when the bytes before and after the cut are durable (I6).
 * 2. Logs that no stored checkpoint refers to are removed by their owner, and nothing else is.
 * 3. `read` gives exactly the bytes that were appended, or fails: it never gives fewer (I9).
 */

/** Characters of a log's name: it becomes a file name. */
const NAME = /^[0-9a-f]{16}-\d{1,15}$/;

/** The logs of keyed state of one session. */
export interface StateLogs {
  /** The first `length` bytes of a log, in pieces.
   * @throws {CorruptStateError} if the log is missing or shorter. */
  read(name: string, length: number): AsyncIterable<Uint8Array>;
  /** Cuts a log at `at` bytes and appends there; resolves when it is durable. At 0, the log is created or replaced.
   * @throws {CorruptStateError} if the log is shorter than `at`. */
  append(name: string, at: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** The names of all logs. */
  list(): Promise<readonly string[]>;
  /** Removes a log. No effect if there is none. */
  remove(name: string): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** Whether it may name a log. */
export const isStateLogName = (name: string): boolean => NAME.test(name);
