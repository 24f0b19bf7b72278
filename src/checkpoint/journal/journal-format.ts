/**
 * The bytes of a journal segment. Little-endian throughout.
 *
 *     segment  = header, record*
 *     header   = magic "XSPJRNL\0" | crc32 of the rest u32 | version u16 | session length u16 | number u32
 *              | previous number u32 | previous length u48 | 0 u16 | session
 *     record   = magic "xRec" | crc32 of the rest of the header u32 | crc32 of the payload u32 | payload length u32
 *              | stage length u16 | call high u16 | epoch u48 | batch u48 | durable u48 | call low u16
 *              | stage | payload
 *
 * `call`: 1 + the index of the call in the batch; 0: the record is of the whole batch, as all were in version 1.
 *
 * 1. The crc of a record's header is seeded with its session, its segment and its offset. So neither a payload that
 *    contains journal bytes nor a stale block is taken for a record. (I9)
 * 2. `durable` is the length of the segment that was fsynced before the record's group was written. A damaged byte below
 *    the `durable` of a later record was acknowledged once: that is corruption. Any other damage is a torn tail.
 * 3. A segment's header holds the final length of the previous segment: a loss at that segment's end is detected.
 * 4. Every length is bounded here, before it is used to allocate or to skip.
 */
import { crc32 } from 'node:zlib';

/** Written. Version 1, which is the same without calls, is read as well. */
export const FORMAT_VERSION = 2;
const FIRST_VERSION = 1;
export const RECORD_HEADER_BYTES = 40;
/** UTF-8 bytes; bounds what scanning a hostile segment can cost. */
export const MAX_STAGE_BYTES = 1024;
export const MAX_SESSION_BYTES = 256;
/** A payload must fit into one string when it is read. */
export const MAX_PAYLOAD_BYTES = 2 ** 29 - 1024;
export const MAX_SEGMENT_BYTES = 2 ** 32;
/** The largest number in six bytes. */
export const MAX_INDEX = 2 ** 48 - 1;
/** The largest index of a call. */
export const MAX_CALL = 2 ** 32 - 2;
/** Header and name of the stage. */
export const MAX_RECORD_HEADER_BYTES = RECORD_HEADER_BYTES + MAX_STAGE_BYTES;

const SEGMENT_MAGIC = Buffer.from('XSPJRNL\0', 'latin1');
const SEGMENT_HEADER_BYTES = 32;
export const RECORD_MAGIC = Buffer.from('xRec', 'latin1');
const RECORD_MAGIC_NUMBER = RECORD_MAGIC.readUInt32LE(0);

export interface RecordHeader {
  readonly stage: string;
  readonly batch: number;
  readonly call?: number;
  readonly epoch: number;
  readonly durable: number;
  /** With the name of the stage. */
  readonly headerBytes: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** A record that is written to a segment; its strings are bytes already. */
export interface RecordFields {
  readonly stage: Uint8Array;
  readonly batch: number;
  readonly call: number | undefined;
  readonly epoch: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** The name of a segment's file. Numbers count from 1 and grow as long as the journal has segments. */
export const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.log`;

/** The number in a segment's name; undefined for any other file. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^([0-9]{8,10})\.log$/.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return number > 0 && number < 2 ** 32 && segmentName(number) === name ? number : undefined;
}

/** The segment before a segment; number 0: there was none. */
export interface PreviousSegment {
  readonly number: number;
  readonly size: number;
}

export function segmentHeader(sessionId: string, number: number, previous: PreviousSegment): Buffer {
  const session = Buffer.from(sessionId, 'utf8');
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES + session.length);
  SEGMENT_MAGIC.copy(header, 0);
  header.writeUInt16LE(FORMAT_VERSION, 12);
  header.writeUInt16LE(session.length, 14);
  header.writeUInt32LE(number, 16);
  header.writeUInt32LE(previous.number, 20);
  header.writeUIntLE(previous.size, 24, 6);
  session.copy(header, SEGMENT_HEADER_BYTES);
  header.writeUInt32LE(crc32(header.subarray(12)), 8);
  return header;
}

export type SegmentHeader =
  | { readonly kind: 'own'; readonly headerBytes: number; readonly previous: PreviousSegment }
  /** Intact, but of another session, number or format. */
  | { readonly kind: 'foreign'; readonly why: string }
  | { readonly kind: 'damaged' };

/** The longest header of a segment. */
export const MAX_SEGMENT_HEADER_BYTES = SEGMENT_HEADER_BYTES + MAX_SESSION_BYTES;

export function readSegmentHeader(bytes: Buffer, sessionId: string, number: number): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, 8).equals(SEGMENT_MAGIC)) {
    return { kind: 'damaged' };
  }
  const headerBytes = SEGMENT_HEADER_BYTES + bytes.readUInt16LE(14);
  if (bytes.length < headerBytes || crc32(bytes.subarray(12, headerBytes)) !== bytes.readUInt32LE(8)) {
    return { kind: 'damaged' };
  }
  const version = bytes.readUInt16LE(12);
  if (version < FIRST_VERSION || version > FORMAT_VERSION) {
    const known = `${FIRST_VERSION} to ${FORMAT_VERSION}`;
    return { kind: 'foreign', why: `its format version is ${version}, this release reads ${known}` };
  }
  const session = bytes.toString('utf8', SEGMENT_HEADER_BYTES, headerBytes);
  if (session !== sessionId || bytes.readUInt32LE(16) !== number) {
    return { kind: 'foreign', why: 'it belongs to another session, or was renamed' };
  }
  const previous = { number: bytes.readUInt32LE(20), size: bytes.readUIntLE(24, 6) };
  return { kind: 'own', headerBytes, previous };
}

/** The seed of the crcs of a segment's records. */
export const segmentSeed = (sessionId: string, number: number): number => crc32(`${number} ${sessionId}`);

/** Crcs with different seeds differ for the same bytes, so the seed is not stored. */
const seedAt = (seed: number, offset: number): number => (seed ^ offset) >>> 0;

export const recordHeaderBytes = (record: RecordFields): number => RECORD_HEADER_BYTES + record.stage.length;

/** Writes a record's header into `target` at `at`; `offset` is its place in the segment. */
export function writeRecordHeader(
  target: Buffer,
  at: number,
  record: RecordFields,
  place: { readonly seed: number; readonly offset: number; readonly durable: number },
): void {
  target.writeUInt32LE(RECORD_MAGIC_NUMBER, at);
  target.writeUInt32LE(record.payloadCrc, at + 8);
  target.writeUInt32LE(record.payloadBytes, at + 12);
  target.writeUInt16LE(record.stage.length, at + 16);
  const call = record.call === undefined ? 0 : record.call + 1;
  target.writeUInt16LE(call >>> 16, at + 18);
  target.writeUIntLE(record.epoch, at + 20, 6);
  target.writeUIntLE(record.batch, at + 26, 6);
  target.writeUIntLE(place.durable, at + 32, 6);
  target.writeUInt16LE(call & 0xffff, at + 38);
  target.set(record.stage, at + RECORD_HEADER_BYTES);
  const rest = target.subarray(at + 8, at + recordHeaderBytes(record));
  target.writeUInt32LE(crc32(rest, seedAt(place.seed, place.offset)), at + 4);
}

/** Reads the record header at the start of `bytes`, which is at `offset` of its segment.
 * @returns undefined unless it is whole, within bounds and verified. */
export function readRecordHeader(bytes: Buffer, seed: number, offset: number): RecordHeader | undefined {
  if (bytes.length < RECORD_HEADER_BYTES || bytes.readUInt32LE(0) !== RECORD_MAGIC_NUMBER) return undefined;
  const stageBytes = bytes.readUInt16LE(16);
  const payloadBytes = bytes.readUInt32LE(12);
  if (stageBytes > MAX_STAGE_BYTES) return undefined;
  if (payloadBytes > MAX_PAYLOAD_BYTES) return undefined;
  const headerBytes = RECORD_HEADER_BYTES + stageBytes;
  if (bytes.length < headerBytes) return undefined;
  if (crc32(bytes.subarray(8, headerBytes), seedAt(seed, offset)) !== bytes.readUInt32LE(4)) return undefined;
  const call = bytes.readUInt16LE(18) * 2 ** 16 + bytes.readUInt16LE(38);
  return {
    stage: bytes.toString('utf8', RECORD_HEADER_BYTES, headerBytes),
    batch: bytes.readUIntLE(26, 6),
    ...(call === 0 ? {} : { call: call - 1 }),
    epoch: bytes.readUIntLE(20, 6),
    durable: bytes.readUIntLE(32, 6),
    headerBytes,
    payloadBytes,
    payloadCrc: bytes.readUInt32LE(8),
  };
}
