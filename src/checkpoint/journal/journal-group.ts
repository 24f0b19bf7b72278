/**
 * One group commit: the waiting records, framed as a few large chunks.
 *
 * A key or payload that the format cannot hold is refused here, before it can harm the other records of its group.
 */
import { crc32 } from 'node:zlib';
import { InvalidOptionError } from '../../errors.js';
import type { JournalKey } from './journal.js';
import {
  MAX_CALL,
  MAX_INDEX,
  MAX_PAYLOAD_BYTES,
  MAX_STAGE_BYTES,
  type RecordFields,
  recordHeaderBytes,
  writeRecordHeader,
} from './journal-format.js';

/** A record that is appended but not durable yet. */
export interface WaitingRecord extends RecordFields {
  readonly key: JournalKey;
  /** False: it is only written. */
  readonly isDurable: boolean;
  /** The key, as one string. */
  readonly name: string;
  readonly payload: readonly Uint8Array[];
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface FramedGroup {
  readonly chunks: readonly Uint8Array[];
  /** Offset of each record's header in the segment, in order. */
  readonly offsets: readonly number[];
  /** Length of the segment with the group. */
  readonly end: number;
}

/** Smaller payload chunks are copied next to their headers: one write of many small pieces is slower. */
const COPIED_BYTES = 32 * 1024;

/** @throws {InvalidOptionError} */
export function waitingRecord(
  key: JournalKey,
  payload: readonly Uint8Array[],
  { name, stage, epoch, isDurable }: Pick<WaitingRecord, 'name' | 'stage' | 'epoch' | 'isDurable'>,
): WaitingRecord {
  assertWhole('The index of a batch', key.batch, MAX_INDEX);
  if (key.call !== undefined) assertWhole('The index of a call', key.call, MAX_CALL);
  let payloadBytes = 0;
  for (const chunk of payload) payloadBytes += chunk.length;
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new InvalidOptionError(
      `The output of stage "${key.stage}" for batch ${key.batch} has ${payloadBytes} bytes; the journal takes ` +
        `${MAX_PAYLOAD_BYTES}. Make batchSize smaller.`,
    );
  }
  // Before it is written: a payload that its owner changes meanwhile is detected at opening.
  let payloadCrc = 0;
  // For an empty chunk without memory crc32 starts anew instead of continuing.
  for (const chunk of payload) if (chunk.length > 0) payloadCrc = crc32(chunk, payloadCrc);
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const durable = new Promise<void>((onDurable, onFailure) => {
    resolve = onDurable;
    reject = onFailure;
  });
  return {
    key,
    name,
    isDurable,
    payload,
    stage,
    batch: key.batch,
    call: key.call,
    epoch,
    payloadBytes,
    payloadCrc,
    durable,
    resolve,
    reject,
  };
}

/** Bytes of a string that the format stores. @throws {InvalidOptionError} when it would not be read back unchanged. */
export function storedText(what: string, text: string, maxBytes: number): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > maxBytes || bytes.toString('utf8') !== text) {
    throw new InvalidOptionError(`${what} must be valid Unicode of at most ${maxBytes} bytes.`);
  }
  return bytes;
}

export const stageText = (stage: string): Buffer => storedText('The name of a stage', stage, MAX_STAGE_BYTES);

/** @throws {InvalidOptionError} */
export function assertWhole(what: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new InvalidOptionError(`${what} must be a whole number from 0 to ${max}.`);
  }
}

/** Frames a group to follow the first `segment.size` bytes of its segment.
 * @param start the header of a new segment. */
export function frameGroup(
  group: readonly WaitingRecord[],
  segment: { readonly size: number; readonly seed: number; readonly synced: number },
  start: Uint8Array | undefined,
): FramedGroup {
  const slab = Buffer.allocUnsafeSlow((start?.length ?? 0) + copiedBytes(group));
  const chunks: Uint8Array[] = [];
  const offsets: number[] = [];
  let filled = 0;
  let cut = 0;
  let aside = 0;
  if (start !== undefined) {
    slab.set(start, 0);
    filled = start.length;
  }
  for (const record of group) {
    const offset = segment.size + filled + aside;
    offsets.push(offset);
    writeRecordHeader(slab, filled, record, { seed: segment.seed, offset, durable: segment.synced });
    filled += recordHeaderBytes(record);
    for (const chunk of record.payload) {
      if (chunk.length <= COPIED_BYTES) {
        slab.set(chunk, filled);
        filled += chunk.length;
      } else {
        chunks.push(slab.subarray(cut, filled), chunk);
        cut = filled;
        aside += chunk.length;
      }
    }
  }
  if (filled > cut) chunks.push(slab.subarray(cut, filled));
  return { chunks, offsets, end: segment.size + filled + aside };
}

function copiedBytes(group: readonly WaitingRecord[]): number {
  let bytes = 0;
  for (const record of group) {
    bytes += recordHeaderBytes(record);
    for (const chunk of record.payload) if (chunk.length <= COPIED_BYTES) bytes += chunk.length;
  }
  return bytes;
}
