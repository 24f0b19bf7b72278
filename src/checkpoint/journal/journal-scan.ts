/**
 * Scans a journal segment and reports the records that can be trusted (I8, I9).
 *
 * 1. Header and payload of a record are verified before it is reported.
 * 2. Memory is one fixed window, whatever lengths the segment claims.
 * 3. Everything behind a damaged byte is searched for later records. They distinguish corruption from a torn tail and name
 *    the losses; they are not used.
 */
import { crc32 } from 'node:zlib';
import { CorruptJournalError } from '../../errors.js';
import type { FileHandle } from '../../platform/file-system.js';
import { type JournalKey, ownKey } from './journal.js';
import {
  MAX_RECORD_HEADER_BYTES,
  MAX_SEGMENT_HEADER_BYTES,
  type PreviousSegment,
  RECORD_MAGIC,
  type RecordHeader,
  readRecordHeader,
  readSegmentHeader,
  segmentName,
  segmentSeed,
} from './journal-format.js';

export interface ScannedRecord extends RecordHeader {
  /** Offset of the header in the segment. */
  readonly offset: number;
}

export interface Damage {
  /** Offset of the first byte that is not part of a whole record. */
  readonly at: number;
  readonly what: string;
  /** A later record proves that this byte was durable once: it is no torn tail. */
  readonly acknowledged: boolean;
  /** The records that can be recognised from `at` on. */
  readonly lost: readonly (JournalKey & { readonly epoch: number })[];
}

export interface Scan {
  readonly records: readonly ScannedRecord[];
  readonly damage: Damage | undefined;
  /** From the segment's header. */
  readonly previous: PreviousSegment;
}

/** @throws {CorruptJournalError} when the segment is intact but of another journal. */
export async function scanSegment(
  handle: FileHandle,
  size: number,
  sessionId: string,
  number: number,
): Promise<Scan> {
  const view = new SegmentView(handle, size);
  const seed = segmentSeed(sessionId, number);
  const records: ScannedRecord[] = [];
  let previous: PreviousSegment = { number: 0, size: 0 };
  const damaged = async (at: number, what: string): Promise<Scan> => ({
    records,
    previous,
    damage: await searchBehind(view, seed, at, what),
  });

  const own = readSegmentHeader(await view.at(0, MAX_SEGMENT_HEADER_BYTES), sessionId, number);
  if (own.kind === 'damaged') return damaged(0, 'the file header is damaged');
  if (own.kind === 'foreign') {
    throw new CorruptJournalError(
      `Journal segment ${segmentName(number)} of session ${sessionId} cannot be used: ${own.why}. ` +
        'Restore the right file, or start afresh.',
    );
  }
  previous = own.previous;
  let offset = own.headerBytes;
  while (offset < size) {
    // Awaits only when the window moves: opening reads tens of thousands of small records.
    const bytes =
      view.inWindow(offset, MAX_RECORD_HEADER_BYTES) ?? (await view.at(offset, MAX_RECORD_HEADER_BYTES));
    const header = readRecordHeader(bytes, seed, offset);
    if (header === undefined) return damaged(offset, 'a record header is damaged');
    const end = offset + header.headerBytes + header.payloadBytes;
    if (end > size) return damaged(offset, 'a record is cut short');
    const payload = view.inWindow(offset + header.headerBytes, header.payloadBytes);
    const crc = payload === undefined ? await view.crc(end - header.payloadBytes, end) : crc32(payload);
    if (crc !== header.payloadCrc) return damaged(offset, 'a record does not match its checksum');
    records.push({ ...header, offset });
    offset = end;
  }
  return { records, previous, damage: undefined };
}

async function searchBehind(view: SegmentView, seed: number, at: number, what: string): Promise<Damage> {
  const lost: (JournalKey & { readonly epoch: number })[] = [];
  let acknowledged = false;
  for (let offset = await view.find(RECORD_MAGIC, at); offset >= 0; ) {
    const header = readRecordHeader(await view.at(offset, MAX_RECORD_HEADER_BYTES), seed, offset);
    if (header !== undefined) {
      lost.push({ ...ownKey(header), epoch: header.epoch });
      if (header.durable > at) acknowledged = true;
    }
    offset = await view.find(RECORD_MAGIC, offset + 1);
  }
  return { at, what, acknowledged, lost };
}

/** Reads an indexed record again.
 * @returns its payload; undefined when it no longer verifies. */
export async function readRecord(
  handle: FileHandle,
  record: { readonly offset: number; readonly headerBytes: number; readonly payloadBytes: number },
  seed: number,
): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafeSlow(record.headerBytes + record.payloadBytes);
  for (let done = 0; done < bytes.length; ) {
    const read = await handle.read(bytes.subarray(done), bytes.length - done, record.offset + done);
    if (read === 0) return undefined;
    done += read;
  }
  const payload = bytes.subarray(record.headerBytes);
  const header = readRecordHeader(bytes.subarray(0, record.headerBytes), seed, record.offset);
  return header?.payloadCrc === crc32(payload) ? payload : undefined;
}

const WINDOW_BYTES = 256 * 1024;

/** A file, read through one fixed window that moves forward. */
class SegmentView {
  private readonly buffer: Buffer;
  private start = 0;
  private length = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly size: number,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, size));
  }

  /** Up to `length` bytes at `offset`, fewer only at the end of the file; valid until the window moves. */
  async at(offset: number, length: number): Promise<Buffer> {
    const there = this.inWindow(offset, length);
    if (there !== undefined) return there;
    await this.moveTo(offset);
    return this.buffer.subarray(0, Math.min(length, this.length));
  }

  /** The same without reading; undefined: the window does not hold it. */
  inWindow(offset: number, length: number): Buffer | undefined {
    const from = offset - this.start;
    const end = Math.min(offset + length, this.size) - this.start;
    return from >= 0 && from <= end && end <= this.length ? this.buffer.subarray(from, end) : undefined;
  }

  /** The crc of the bytes from `offset` to `end`. */
  async crc(offset: number, end: number): Promise<number> {
    let crc = 0;
    for (let at = offset; at < end; ) {
      const bytes = await this.at(at, Math.min(WINDOW_BYTES, end - at));
      if (bytes.length === 0) return -1; // The file became shorter.
      crc = crc32(bytes, crc);
      at += bytes.length;
    }
    return crc;
  }

  /** Offset of the next `needle` at or after `from`, -1 without one. */
  async find(needle: Buffer, from: number): Promise<number> {
    for (let at = from; at + needle.length <= this.size; ) {
      // The rest of the window first: a segment full of false magics is not read again for each.
      const inWindow = at >= this.start && at + needle.length <= this.start + this.length;
      const bytes = await this.at(at, inWindow ? this.start + this.length - at : WINDOW_BYTES);
      if (bytes.length < needle.length) return -1;
      const found = bytes.indexOf(needle);
      if (found >= 0) return at + found;
      at += bytes.length - needle.length + 1;
    }
    return -1;
  }

  private async moveTo(offset: number): Promise<void> {
    this.start = offset;
    this.length = 0;
    while (this.length < this.buffer.length && offset + this.length < this.size) {
      const wanted = Math.min(this.buffer.length - this.length, this.size - offset - this.length);
      const read = await this.handle.read(this.buffer.subarray(this.length), wanted, offset + this.length);
      if (read === 0) break;
      this.length += read;
    }
  }
}
