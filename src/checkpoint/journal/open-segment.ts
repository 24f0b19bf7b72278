/**
 * The segment of a file journal that is appended to.
 *
 * 1. A group is durable when `append` resolves. With the first group, the segment's name is durable, too.
 * 2. Space is reserved ahead with zeros and cut when the segment is completed. An fsync that changes neither the file's
 *    length nor its blocks takes a third of the time. A killed process leaves the zeros as a torn tail.
 *    A group of records that need not be durable is written without an fsync; the next fsync, or the completion, covers it.
 * 3. A group whose fsync failed is cut: it could be read until the machine restarts, and is lost then.
 */
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { type PreviousSegment, segmentHeader, segmentName, segmentSeed } from './journal-format.js';
import { frameGroup, type WaitingRecord } from './journal-group.js';
import type { Segment } from './journal-recovery.js';

/** Space is reserved for this many groups like the one just written: they are worth one slow fsync. */
const RESERVED_GROUPS = 64;
/** Bytes. Larger groups reserve nothing: their fsync takes long anyway, and every byte would be written twice. */
const MAX_RESERVED = 1024 * 1024;

export interface NewSegment {
  readonly fileSystem: FileSystem;
  /** The journal's folder; it exists. */
  readonly folder: string;
  readonly sessionId: string;
  /** Bytes after which a new segment begins. */
  readonly segmentBytes: number;
}

export class OpenSegment implements Segment {
  size = 0;
  live = 0;
  /** Bytes that are durable. */
  synced = 0;
  readonly number: number;
  readonly seed: number;
  /** Length of the file; the bytes behind `size` are zeros. */
  #reserved = 0;

  private constructor(
    private readonly options: NewSegment,
    private readonly handle: FileHandle,
    private readonly previous: PreviousSegment,
  ) {
    this.number = previous.number + 1;
    this.seed = segmentSeed(options.sessionId, this.number);
  }

  /** Creates the file, which must not exist. */
  static async create(options: NewSegment, { number, size }: PreviousSegment): Promise<OpenSegment> {
    const path = `${options.folder}/${segmentName(number + 1)}`;
    const handle = await options.fileSystem.open(path, 'create', undefined, 'synced');
    return new OpenSegment(options, handle, { number, size });
  }

  get isFull(): boolean {
    return this.size >= this.options.segmentBytes;
  }

  /** @param isDurable false: a crash of the process does not lose the group, a power loss may.
   * @returns the offset of each record. */
  async append(group: readonly WaitingRecord[], isDurable = true): Promise<readonly number[]> {
    const { fileSystem, folder, sessionId } = this.options;
    const isNew = this.size === 0;
    const start = isNew ? segmentHeader(sessionId, this.number, this.previous) : undefined;
    const { chunks, offsets, end } = frameGroup(group, this, start);
    const ahead = end > this.#reserved ? this.#worthReserving(end) : 0;
    try {
      await this.handle.write(ahead > 0 ? [...chunks, Buffer.alloc(ahead)] : chunks, this.size);
      if (isDurable) {
        await this.handle.datasync();
        if (this.synced === 0) await fileSystem.syncDirectory(folder);
      }
    } catch (error) {
      await this.handle.truncate(this.size).catch(() => undefined);
      throw error;
    }
    this.size = end;
    if (isDurable) this.synced = end;
    this.#reserved = Math.max(this.#reserved, end + ahead);
    return offsets;
  }

  /** Ends appending. */
  async complete(): Promise<void> {
    try {
      if (this.#reserved > this.size) {
        await this.handle.truncate(this.size);
        await this.handle.datasync();
      } else if (this.synced < this.size) await this.handle.datasync();
    } finally {
      await this.handle.close();
    }
  }

  /** @param end of the group that is being written. @returns bytes to reserve behind it. */
  #worthReserving(end: number): number {
    const wanted = RESERVED_GROUPS * (end - this.size);
    return wanted > MAX_RESERVED ? 0 : Math.max(0, Math.min(wanted, this.options.segmentBytes - end));
  }
}
