/**
 * The append-only log of finished batch outputs of `durable` stages (I8).
 *
 * 1. `append` resolves when the record is durable; many appends share one fsync (group commit).
 * 2. A record has length, CRC, session, epoch, stage, batch and, if it is of one call, the call. A torn tail is cut at opening. Damage before the tail is a
 *    `CorruptJournalError`.
 * 3. A record of a later epoch than the opener's means another owner: `SessionLockedError`. (I10)
 * 4. `trim` drops whole segments below the watermark: the size follows the window, not the data.
 * 5. An opener's first record for a key counts. A second append of that key writes nothing and resolves when the first is
 *    durable. An earlier opener's record is replaced.
 * 6. A failed write or fsync is final: this append and every later one reject with the same error. (I6)
 */
import { isPipelineError, StateDirectoryError } from '../../errors.js';
import { messageOf } from '../../platform/thrown.js';

/** Opened with it, a journal can be read whatever its records' epochs are. */
export const LAST_EPOCH = 2 ** 48 - 1;

export interface JournalKey {
  /** Name of the stage; empty: a copy of the checkpoint (`checkpoint-copies.ts`). */
  readonly stage: string;
  readonly batch: number;
  /** Index of the call in the batch, from 0; absent: the record is of the whole batch. */
  readonly call?: number;
}

/** The key as one string. */
export function nameOf({ stage, batch, call }: JournalKey): string {
  return call === undefined ? `${batch} ${stage}` : `${batch}/${call} ${stage}`;
}

/** The fields of a key alone. */
export function ownKey({ stage, batch, call }: JournalKey): JournalKey {
  return call === undefined ? { stage, batch } : { stage, batch, call };
}

/** The log of finished outputs of durable stages, of one session. */
export interface Journal {
  /** The durable payload of a key, byte for byte as appended; undefined: there is none. */
  read(key: JournalKey): Promise<Uint8Array | undefined>;
  /** All keys that can be read, in no particular order. */
  keys(): readonly JournalKey[];
  /** Appends a record; resolves when it is durable.
   * @param payload just under 512 MiB at most. Do not change it until this resolves.
   * @throws {CheckpointWriteError} when it could not be made durable, or the journal is closed. */
  append(key: JournalKey, payload: readonly Uint8Array[]): Promise<void>;
  /** Appends a record without waiting for the disk: resolves when a crash of the process does not lose it any more. Absent: the
   * journal makes every record durable. @throws as `append` does. */
  write?(key: JournalKey, payload: readonly Uint8Array[]): Promise<void>;
  /** Drops records of batches below `batch`. */
  trim(batch: number): Promise<void>;
  /** Bytes on disk. */
  readonly size: number;
  /** The latest epoch of the records that were there at opening; 0: there was none. */
  readonly lastEpoch: number;
  /** Waits for pending appends. Idempotent. */
  close(): Promise<void>;
}

/**
 * Reads a record for a batch that is being processed. A failed read ends the run: it is no failure of the rows, which would be lost.
 * @throws {StateDirectoryError}
 */
export async function readJournal(
  journal: Journal | undefined,
  key: JournalKey,
): Promise<Uint8Array | undefined> {
  try {
    return await journal?.read(key);
  } catch (error) {
    if (isPipelineError(error)) throw error;
    throw new StateDirectoryError(
      `The journal cannot be read for batch ${key.batch}: ${messageOf(error)}. Check the disk, then resume the session.`,
      { cause: error },
    );
  }
}
