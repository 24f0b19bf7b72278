/**
 * The journal of a session in PostgreSQL (promises in `checkpoint/journal/journal.ts`): a record is a row of `xp_journal`.
 *
 * 1. Records that wait while a transaction runs share the next one (group commit).
 * 2. Keys and sizes are read at opening; payloads on demand.
 * 3. (I10) A record of a later epoch is refused at opening. Later writes of an older owner fail with its connection.
 * 4. (I6) A failed transaction is final: this append and every later one reject with the same error.
 */
import {
  type Journal,
  type JournalKey,
  LAST_EPOCH,
  nameOf,
  ownKey,
} from '../../checkpoint/journal/journal.js';
import { CheckpointWriteError, SessionLockedError } from '../../errors.js';
import { problemOfQuery, type SqlConnection } from '../connection.js';

export interface SqlJournalOptions {
  readonly connection: SqlConnection;
  readonly sessionId: string;
  readonly epoch: number;
  readonly close: () => Promise<void>;
}

/** Stands for "the whole batch" in the column `call`: keys of a table are never null. */
const WHOLE_BATCH = -1;

interface StoredRecord {
  readonly key: JournalKey;
  readonly bytes: number;
}

interface WaitingRecord extends StoredRecord {
  readonly payload: Uint8Array;
}

/** @throws {SessionLockedError} when a record is of a later epoch. */
export async function openSqlJournal(options: SqlJournalOptions): Promise<Journal> {
  const { connection, sessionId, epoch } = options;
  const rows = await connection.query(
    'select batch, stage, call, epoch, length(payload) as bytes from xp_journal where session = $1',
    [sessionId],
  );
  const lastEpoch = rows.reduce((last, row) => Math.max(last, Number(row.epoch)), 0);
  if (lastEpoch > epoch && epoch !== LAST_EPOCH) throw new SessionLockedError(sessionId);
  const records = new Map<string, StoredRecord>();
  for (const row of rows) {
    const call = Number(row.call);
    const key = {
      stage: String(row.stage),
      batch: Number(row.batch),
      ...(call === WHOLE_BATCH ? {} : { call }),
    };
    records.set(nameOf(key), { key, bytes: Number(row.bytes) });
  }
  return new SqlJournal(options, records, lastEpoch);
}

class SqlJournal implements Journal {
  size = 0;
  /** Appends of this opener, by key. */
  readonly #own = new Map<string, Promise<void>>();
  #waiting: WaitingRecord[] = [];
  #group: Promise<void> | undefined;
  #failure: CheckpointWriteError | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly options: SqlJournalOptions,
    private readonly records: Map<string, StoredRecord>,
    readonly lastEpoch: number,
  ) {
    for (const { bytes } of records.values()) this.size += bytes;
  }

  async read(key: JournalKey): Promise<Uint8Array | undefined> {
    await this.#own.get(nameOf(key));
    if (!this.records.has(nameOf(key))) return undefined;
    const { connection, sessionId } = this.options;
    const [row] = await connection.query(
      'select payload from xp_journal where session = $1 and batch = $2 and stage = $3 and call = $4',
      [sessionId, key.batch, key.stage, key.call ?? WHOLE_BATCH],
    );
    return row === undefined ? undefined : new Uint8Array(row.payload as Uint8Array);
  }

  keys(): readonly JournalKey[] {
    return Array.from(this.records.values(), ({ key }) => key);
  }

  append(given: JournalKey, pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#closed !== undefined)
      return Promise.reject(
        new CheckpointWriteError(`The journal of session ${this.options.sessionId} is closed.`),
      );
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const key = ownKey(given);
    const earlier = this.#own.get(nameOf(key));
    if (earlier !== undefined) return earlier;
    const payload = Buffer.concat(pieces);
    this.#waiting.push({ key, bytes: payload.length, payload });
    // Appends of the same turn share a transaction with those that wait for the one under way.
    this.#group ??= (this.#writing ?? Promise.resolve()).then(() => this.#writeGroup());
    const appended = this.#group;
    appended.catch(() => {});
    this.#own.set(nameOf(key), appended);
    return appended;
  }

  async trim(batch: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { connection, sessionId } = this.options;
    await connection.query('delete from xp_journal where session = $1 and batch < $2', [sessionId, batch]);
    for (const [name, { key, bytes }] of this.records) {
      if (key.batch >= batch) continue;
      this.records.delete(name);
      this.#own.delete(name);
      this.size -= bytes;
    }
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled([this.#group, this.#writing]).then(() => this.options.close());
    return this.#closed;
  }

  #writing: Promise<void> | undefined;

  #writeGroup(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    this.#group = undefined;
    const writing = this.#insert(group);
    this.#writing = writing.catch(() => {});
    return writing;
  }

  async #insert(group: readonly WaitingRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { connection, sessionId, epoch } = this.options;
    try {
      await connection.transaction(async ({ query }) => {
        for (const { key, payload } of group)
          await query(
            'insert into xp_journal (session, batch, stage, call, epoch, payload) values ($1, $2, $3, $4, $5, $6) ' +
              'on conflict (session, batch, stage, call) do update set epoch = excluded.epoch, payload = excluded.payload',
            [sessionId, key.batch, key.stage, key.call ?? WHOLE_BATCH, epoch, payload],
          );
      });
    } catch (cause) {
      this.#failure ??= new CheckpointWriteError(
        `The journal of session ${sessionId} cannot be written: ${problemOfQuery(cause)}.`,
        { cause },
      );
      throw this.#failure;
    }
    for (const { key, bytes } of group) {
      this.size += bytes - (this.records.get(nameOf(key))?.bytes ?? 0);
      this.records.set(nameOf(key), { key, bytes });
    }
  }
}
