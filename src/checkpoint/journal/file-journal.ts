/**
 * The journal in files: `journal/<number>.log` in the session's directory.
 *
 * 1. Group commit: appends that arrive while an fsync runs share the next one write and one fdatasync. (I8)
 * 2. Only the opener that created a segment appends to it: an owner that lost its lock cannot write where its successor
 *    writes. The first append creates a new segment. (I10)
 * 3. An indexed record was verified at opening or written since, and is verified again when it is read. (I9)
 * 4. A failed write or fsync is final. (I6)
 * 5. All segments but the last are complete. Only the last may have a torn tail, and only where no later record proves
 *    that it was durable once (see `journal-format.ts`).
 */
import { CheckpointWriteError, CorruptJournalError } from '../../errors.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { codeOf, messageOf } from '../../platform/thrown.js';
import { type Journal, type JournalKey, nameOf, ownKey } from './journal.js';
import {
  MAX_INDEX,
  MAX_PAYLOAD_BYTES,
  MAX_SESSION_BYTES,
  type PreviousSegment,
  recordHeaderBytes,
  segmentName,
} from './journal-format.js';
import { assertWhole, stageText, storedText, type WaitingRecord, waitingRecord } from './journal-group.js';
import { type RecoveredJournal, recoverSegments, type Segment } from './journal-recovery.js';
import { readRecord } from './journal-scan.js';
import { OpenSegment } from './open-segment.js';

export interface FileJournalOptions {
  readonly fileSystem: FileSystem;
  /** The session's directory; it exists, and its own name is durable. */
  readonly directory: string;
  readonly sessionId: string;
  /** Of the opener, from 0. */
  readonly epoch: number;
  /** Bytes of a segment, after which a new one begins. Default 8 MiB, at most 512 MiB. */
  readonly segmentBytes?: number;
}

/** Opens the journal of a session and cuts a torn tail.
 * @throws {CorruptJournalError} when a byte before the tail is damaged.
 * @throws {SessionLockedError} when a record is of a later epoch. */
export async function openFileJournal(options: FileJournalOptions): Promise<Journal> {
  const { fileSystem, directory, sessionId, epoch, segmentBytes = 8 * 1024 * 1024 } = options;
  assertWhole('epoch', epoch, MAX_INDEX);
  assertWhole('segmentBytes', segmentBytes, MAX_PAYLOAD_BYTES);
  storedText('The session id', sessionId, MAX_SESSION_BYTES);
  const folder = `${directory}/journal`;
  const recovered = await recoverSegments({ fileSystem, folder, sessionId, epoch });
  return new FileJournal({ ...options, segmentBytes }, folder, recovered);
}

interface Entry {
  readonly key: JournalKey;
  readonly segment: Segment;
  readonly offset: number;
  readonly headerBytes: number;
  readonly payloadBytes: number;
  /** Appended by this opener. */
  readonly isOwn: boolean;
}

/** A smaller segment is reused when all its records are trimmed: a new file costs an fsync. */
const WORTH_DROPPING_BYTES = 64 * 1024;
/** Microtask turns that a commit waits, so that appenders that were woken together share one group. */
const GATHERING_TURNS = 8;

class FileJournal implements Journal {
  private readonly index = new Map<string, Entry>();
  private readonly segments = new Set<Segment>();
  private readonly stageTexts = new Map<string, Buffer>();
  private readonly waiting = new Map<string, WaitingRecord>();
  private queue: WaitingRecord[] = [];
  private current: OpenSegment | undefined;
  /** The previous segment, for the header of the next. */
  private last: PreviousSegment;
  private folderExists: boolean;
  private committing: Promise<void> | undefined;
  private failure: Error | undefined;
  private closed: Promise<void> | undefined;
  /** A segment that a trim is completing: no new segment begins before that. If it fails, no segment begins at all (4). */
  private completing: Promise<void> | undefined;
  private trimming: Promise<unknown> = Promise.resolve();
  readonly lastEpoch: number;

  constructor(
    private readonly options: FileJournalOptions & { readonly segmentBytes: number },
    private readonly folder: string,
    recovered: RecoveredJournal,
  ) {
    this.folderExists = recovered.folderExists;
    this.last = recovered.last;
    this.lastEpoch = recovered.records.reduce((last, { record }) => Math.max(last, record.epoch), 0);
    for (const segment of recovered.segments) this.segments.add(segment);
    for (const { segment, record } of recovered.records) {
      const { offset, headerBytes, payloadBytes } = record;
      const key = ownKey(record);
      this.indexEntry(nameOf(key), { key, segment, offset, headerBytes, payloadBytes, isOwn: false });
    }
  }

  get size(): number {
    let size = 0;
    for (const segment of this.segments) size += segment.size;
    return size;
  }

  keys(): readonly JournalKey[] {
    return Array.from(this.index.values(), (entry) => entry.key);
  }

  async read(key: JournalKey): Promise<Uint8Array | undefined> {
    const entry = this.index.get(nameOf(key));
    if (entry === undefined) return undefined;
    let handle: FileHandle;
    try {
      handle = await this.options.fileSystem.open(this.pathOf(entry.segment), 'update');
    } catch (error) {
      // Trimmed meanwhile.
      if (codeOf(error) === 'ENOENT' && this.index.get(nameOf(key)) !== entry) return undefined;
      throw error;
    }
    let payload: Uint8Array | undefined;
    try {
      payload = await readRecord(handle, entry, entry.segment.seed);
    } finally {
      await handle.close();
    }
    if (payload !== undefined) return payload;
    throw new CorruptJournalError(
      `${this.pathOf(entry.segment)}, byte ${entry.offset}: the output of stage "${key.stage}" for batch ` +
        `${key.batch} was damaged after the journal was opened. Resume the session: that verifies the whole journal.`,
    );
  }

  append(key: JournalKey, payload: readonly Uint8Array[]): Promise<void> {
    return this.add(key, payload, true);
  }

  write(key: JournalKey, payload: readonly Uint8Array[]): Promise<void> {
    return this.add(key, payload, false);
  }

  private add(key: JournalKey, payload: readonly Uint8Array[], isDurable: boolean): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.closed !== undefined) return Promise.reject(this.closedError());
    const name = nameOf(key);
    if (this.index.get(name)?.isOwn) return Promise.resolve();
    const earlier = this.waiting.get(name);
    if (earlier !== undefined) return earlier.durable;
    let record: WaitingRecord;
    try {
      record = this.recordOf(key, name, payload, isDurable);
    } catch (error) {
      return Promise.reject(error);
    }
    this.waiting.set(name, record);
    this.queue.push(record);
    this.committing ??= this.commitQueue();
    return record.durable;
  }

  trim(batch: number): Promise<void> {
    const trimmed = this.trimSegments(batch);
    this.trimming = Promise.all([this.trimming, trimmed.catch(() => {})]).then(() => {});
    return trimmed;
  }

  private async trimSegments(batch: number): Promise<void> {
    if (this.closed !== undefined) return;
    for (const [name, entry] of this.index) {
      if (entry.key.batch < batch) {
        this.index.delete(name);
        entry.segment.live--;
      }
    }
    const current = this.current;
    if (current !== undefined && this.committing === undefined && current.live === 0) {
      if (current.size >= Math.min(WORTH_DROPPING_BYTES, this.options.segmentBytes)) {
        this.current = undefined;
        this.completing = current.complete();
        await this.completing;
        this.completing = undefined;
      }
    }
    for (const segment of this.segments) {
      if (segment.live === 0 && segment !== this.current) await this.removeSegment(segment);
    }
  }

  close(): Promise<void> {
    this.closed ??= this.closeSegments();
    return this.closed;
  }

  private async closeSegments(): Promise<void> {
    await this.committing;
    await this.trimming;
    const current = this.current;
    this.current = undefined;
    await current?.complete();
    if (current?.live === 0 && this.failure === undefined) await this.removeSegment(current);
  }

  private async commitQueue(): Promise<void> {
    try {
      while (true) {
        for (let turn = 0; turn < GATHERING_TURNS; turn++) await undefined;
        if (this.queue.length === 0) return;
        await this.commitGroup(this.nextGroup());
      }
    } catch (error) {
      this.rejectAppends(error);
    } finally {
      this.committing = undefined;
    }
  }

  /** All waiting records, up to twice the intended size of a segment. */
  private nextGroup(): WaitingRecord[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.queue) {
      if (count > 0 && bytes >= this.options.segmentBytes) break;
      bytes += recordHeaderBytes(record) + record.payloadBytes;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async commitGroup(group: readonly WaitingRecord[]): Promise<void> {
    const segment = await this.segmentToAppendTo();
    const offsets = await segment.append(
      group,
      group.some(({ isDurable }) => isDurable),
    );
    for (let i = 0; i < group.length; i++) {
      const record = group[i] as WaitingRecord;
      const { key, name, payloadBytes } = record;
      const offset = offsets[i] as number;
      const headerBytes = recordHeaderBytes(record);
      this.indexEntry(name, { key, segment, offset, headerBytes, payloadBytes, isOwn: true });
      this.waiting.delete(name);
      record.resolve();
    }
  }

  private async segmentToAppendTo(): Promise<OpenSegment> {
    const { fileSystem, directory, sessionId, segmentBytes } = this.options;
    if (this.current?.isFull === false) return this.current;
    const full = this.current;
    this.current = undefined;
    await full?.complete();
    await this.completing;
    if (!this.folderExists) {
      await fileSystem.mkdir(this.folder);
      await fileSystem.syncDirectory(directory);
      this.folderExists = true;
    }
    const segment = await OpenSegment.create(
      { fileSystem, folder: this.folder, sessionId, segmentBytes },
      this.last,
    );
    this.last = segment;
    this.current = segment;
    this.segments.add(segment);
    return segment;
  }

  private rejectAppends(cause: unknown): void {
    this.failure = new CheckpointWriteError(
      `The journal of session ${this.options.sessionId} in ${this.folder} cannot be written: ${messageOf(cause)}. ` +
        'Free space or repair the disk, then resume the session.',
      { cause },
    );
    for (const record of this.waiting.values()) record.reject(this.failure);
    this.waiting.clear();
    this.queue = [];
  }

  /** Replaces an older entry of that name. */
  private indexEntry(name: string, entry: Entry): void {
    const older = this.index.get(name);
    if (older !== undefined) older.segment.live--;
    this.index.set(name, entry);
    entry.segment.live++;
  }

  /** Removes a trimmed segment. Not fsynced: one that returns after a power loss is trimmed again. */
  private async removeSegment(segment: Segment): Promise<void> {
    this.segments.delete(segment);
    try {
      await this.options.fileSystem.unlink(this.pathOf(segment));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      this.segments.add(segment);
      throw error;
    }
  }

  private recordOf(key: JournalKey, name: string, payload: readonly Uint8Array[], isDurable: boolean) {
    let stage = this.stageTexts.get(key.stage);
    if (stage === undefined) {
      stage = stageText(key.stage);
      this.stageTexts.set(key.stage, stage);
    }
    return waitingRecord(ownKey(key), payload, { name, stage, epoch: this.options.epoch, isDurable });
  }

  private pathOf(segment: Segment): string {
    return `${this.folder}/${segmentName(segment.number)}`;
  }

  private closedError(): Error {
    return new CheckpointWriteError(`The journal of session ${this.options.sessionId} is closed.`);
  }
}
