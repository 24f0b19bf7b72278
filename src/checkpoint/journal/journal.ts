/**
 * The append-only log of finished batch outputs of `durable` stages (I8).
 *
 * 1. `append` resolves when the record is durable; many appends share one fsync (group commit).
 * 2. A record carries length, CRC, session, epoch, stage, batch and fingerprint; a torn tail is cut at opening, damage
 *    before it is a `CorruptJournalError`, never silently used.
 * 3. A record of an epoch later than the opener's means another owner: `SessionLockedError`. (I10)
 * 4. `trim` drops what the watermark has passed, by whole segments: its size follows the window, not the data.
 * 5. The first record that an opener appends for a key is the one that counts: a second append of it writes nothing and
 *    resolves when the first is durable. One of an earlier opener is replaced: whoever appends has found it to be of no use.
 * 6. A failed write or fsync is final: this and every later append rejects with the same error. (I6)
 */
export interface JournalKey {
  /** Name of the stage. */
  readonly stage: string;
  readonly batch: number;
}

/** The log of finished outputs of durable stages, of one session. */
export interface Journal {
  /** The payload for a key if one is durable there; bytes exactly as appended. */
  read(key: JournalKey): Promise<Uint8Array | undefined>;
  /** All keys that can be read, in no order. */
  keys(): readonly JournalKey[];
  /** @param payload at most 512 MiB in all, less a little; not to be changed until this resolves.
   * @throws {CheckpointWriteError} when it could not be made durable, or the journal is closed. */
  append(key: JournalKey, payload: readonly Uint8Array[]): Promise<void>;
  /** Records of batches below `batch` are not needed any more. */
  trim(batch: number): Promise<void>;
  /** Bytes on disk. */
  readonly size: number;
  /** Waits for what was appended; twice is fine. */
  close(): Promise<void>;
}
