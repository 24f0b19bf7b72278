/**
 * The journal without a disk, for browsers, tests and runs that need not outlive the process. It keeps the promises of
 * `journal.ts`; "durable" means until the page or process ends.
 */

import { CheckpointWriteError, SessionLockedError } from '../../errors.js';
import { concatenated } from '../../formats/bytes.js';
import { type Journal, type JournalKey, nameOf, ownKey } from './journal.js';

/** The records of one session, shared by its openings. */
export type MemoryRecords = Map<
  string,
  { readonly key: JournalKey; readonly epoch: number; readonly payload: Uint8Array }
>;

export interface MemoryJournalOptions {
  /** Pass the same map to reopen the journal. Default: a new one. */
  readonly records?: MemoryRecords;
  /** For messages. */
  readonly sessionId?: string;
  /** Of the opener; default 0. */
  readonly epoch?: number;
}

/** @throws {SessionLockedError} when a record is of a later epoch (I10). */
export function memoryJournal(options: MemoryJournalOptions = {}): Journal {
  const { records = new Map(), sessionId = 'in memory', epoch = 0 } = options;
  const own = new Set<string>();
  let closed = false;
  let lastEpoch = 0;
  for (const record of records.values()) {
    if (record.epoch > epoch) throw new SessionLockedError(sessionId);
    lastEpoch = Math.max(lastEpoch, record.epoch);
  }
  return {
    lastEpoch,
    async read(key) {
      return records.get(nameOf(key))?.payload.slice();
    },
    keys: () => Array.from(records.values(), (record) => record.key),
    async append(key, payload) {
      if (closed) throw new CheckpointWriteError(`The journal of session ${sessionId} is closed.`);
      const name = nameOf(key);
      if (own.has(name) && records.has(name)) return;
      own.add(name);
      records.set(name, {
        key: ownKey(key),
        epoch,
        payload: concatenated(payload),
      });
    },
    async trim(batch) {
      for (const [name, record] of records) if (record.key.batch < batch) records.delete(name);
    },
    get size() {
      let size = 0;
      for (const record of records.values()) size += record.payload.length;
      return size;
    },
    async close() {
      closed = true;
    },
  };
}
