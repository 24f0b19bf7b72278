/**
 * Opens the segments of a journal (I8, I9, I10).
 *
 * 1. Everything is read before anything is changed: a journal of a later owner, or a corrupt one, stays as it is.
 * 2. The torn tail of the last segment is cut. The rest of that segment and its name are fsynced before a record is used or
 *    appended: a killed process may have written it without the fsync. The bytes that no record proves durable are written
 *    again first: after a failed fsync, the next one succeeds without writing them.
 * 3. Other damage, or damage to bytes that were durable once, is a `CorruptJournalError` with the place and the losses.
 * 4. The next segment's header holds a segment's final length. Damage behind it is ignored: it was cut once, and a power loss may undo a
 *    cut whose fsync failed, although a second fsync succeeded.
 */
import { CorruptJournalError, SessionLockedError } from '../../errors.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import type { JournalKey } from './journal.js';
import {
  MAX_SEGMENT_BYTES,
  type PreviousSegment,
  segmentName,
  segmentNumber,
  segmentSeed,
} from './journal-format.js';
import { type Damage, type Scan, type ScannedRecord, scanSegment } from './journal-scan.js';

export interface Segment {
  readonly number: number;
  /** The seed of its records' crcs. */
  readonly seed: number;
  /** Bytes. */
  size: number;
  /** Records that are not trimmed or replaced. */
  live: number;
}

export interface RecoveredJournal {
  readonly segments: readonly Segment[];
  /** In the order of writing. */
  readonly records: readonly { readonly segment: Segment; readonly record: ScannedRecord }[];
  /** Whether the folder exists. */
  readonly folderExists: boolean;
  /** The segment with the highest number; number 0: there is none. */
  readonly last: PreviousSegment;
}

export interface RecoveryOptions {
  readonly fileSystem: FileSystem;
  /** The folder of the segments. */
  readonly folder: string;
  readonly sessionId: string;
  readonly epoch: number;
}

interface FoundSegment {
  readonly segment: Segment;
  readonly scan: Scan;
}

const NO_SEGMENT: PreviousSegment = { number: 0, size: 0 };

export async function recoverSegments(options: RecoveryOptions): Promise<RecoveredJournal> {
  const { fileSystem, folder, sessionId, epoch } = options;
  const stat = await fileSystem.stat(folder);
  if (stat === undefined) return { segments: [], records: [], folderExists: false, last: NO_SEGMENT };
  if (stat.kind !== 'directory') {
    throw new CorruptJournalError(`${folder} is not a directory. Remove it, then resume the session.`);
  }
  const numbers = (await fileSystem.list(folder))
    .flatMap((name) => segmentNumber(name) ?? [])
    .sort((a, b) => a - b);
  const found: FoundSegment[] = [];
  for (const number of numbers) {
    const { size, scan } = await scanFile(options, number);
    found.push({ segment: { number, seed: segmentSeed(sessionId, number), size, live: 0 }, scan });
  }

  const epochs = found.flatMap(({ scan }) => [...scan.records, ...(scan.damage?.lost ?? [])]);
  if (epochs.some((record) => record.epoch > epoch)) throw new SessionLockedError(sessionId);
  for (const [i, { segment, scan }] of found.entries()) {
    if (isBehindTheEnd({ segment, scan }, found[i + 1]?.scan.previous)) continue;
    const isLast = segment.number === numbers.at(-1);
    if (scan.damage !== undefined && (!isLast || scan.damage.acknowledged)) {
      throw new CorruptJournalError(describeDamage(folder, segment.number, scan.damage));
    }
  }
  found.forEach(({ scan }, i) => {
    const before = found[i - 1]?.segment;
    if (before?.number !== scan.previous.number || before.size >= scan.previous.size) return;
    const what = `it ends there but had ${scan.previous.size} bytes when it was completed`;
    const damage = { at: before.size, what, acknowledged: true, lost: [] };
    throw new CorruptJournalError(describeDamage(folder, before.number, damage));
  });
  const last = found.at(-1);
  if (last !== undefined) {
    if (last.scan.damage !== undefined) last.segment.size = last.scan.damage.at;
    await makeDurable(options, last.segment, last.scan);
    if (last.segment.size === 0) found.pop();
  }
  return {
    segments: found.map(({ segment }) => segment),
    records: found.flatMap(({ segment, scan }) => scan.records.map((record) => ({ segment, record }))),
    folderExists: true,
    last: found.at(-1)?.segment ?? NO_SEGMENT,
  };
}

/** (4) @param complete the segment that the next one follows, with its final length. */
function isBehindTheEnd({ segment, scan }: FoundSegment, complete: PreviousSegment | undefined): boolean {
  const { damage } = scan;
  return complete?.number === segment.number && damage?.acknowledged === false && damage.at >= complete.size;
}

async function scanFile(options: RecoveryOptions, number: number): Promise<{ size: number; scan: Scan }> {
  const { fileSystem, folder, sessionId } = options;
  const path = `${folder}/${segmentName(number)}`;
  const stat = await fileSystem.stat(path);
  const refuse = (why: string) =>
    new CorruptJournalError(`${path} cannot be used: ${why}. Restore the right file, or start afresh.`);
  if (stat?.kind !== 'file') throw refuse('it is not a regular file');
  if (stat.size > MAX_SEGMENT_BYTES) throw refuse(`it is larger than ${MAX_SEGMENT_BYTES} bytes`);
  // Not for writing: this mode does not follow a symlink planted since.
  const handle = await fileSystem.open(path, 'update');
  try {
    return { size: stat.size, scan: await scanSegment(handle, stat.size, sessionId, number) };
  } finally {
    await handle.close();
  }
}

/** Makes the segment durable without its torn tail: the existence of a next segment says that it is complete. */
async function makeDurable(
  { fileSystem, folder }: RecoveryOptions,
  segment: Segment,
  { damage, records }: Scan,
): Promise<void> {
  const path = `${folder}/${segmentName(segment.number)}`;
  if (segment.size === 0) {
    await fileSystem.unlink(path);
  } else {
    const handle = await fileSystem.open(path, 'update');
    try {
      await writeAgain(handle, records.at(-1)?.durable ?? 0, segment.size);
      if (damage !== undefined) await handle.truncate(segment.size);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await fileSystem.syncDirectory(folder);
}

const PIECE_BYTES = 1024 * 1024;

/** Writes bytes to where they are, so that the next fsync writes them to the disk. */
async function writeAgain(handle: FileHandle, from: number, to: number): Promise<void> {
  for (let at = from; at < to; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, to - at));
    const read = await handle.read(piece, piece.length, at);
    if (read === 0) return;
    await handle.write([piece.subarray(0, read)], at);
    at += read;
  }
}

const NAMED_LOSSES = 20;

function describeDamage(folder: string, number: number, { at, what, lost }: Damage): string {
  return (
    `${folder}/${segmentName(number)} is damaged at byte ${at}: ${what}. The outputs from there on are lost` +
    `${lost.length > 0 ? `, among them ${listKeys(lost)}` : ''}. ` +
    `Restore the file, or remove the folder to run the journaled batches again.`
  );
}

function listKeys(keys: readonly JournalKey[]): string {
  const named = keys
    .slice(0, NAMED_LOSSES)
    .map(({ stage, batch, call }) =>
      call === undefined
        ? `batch ${batch} of stage "${stage}"`
        : `call ${call} of batch ${batch} of stage "${stage}"`,
    );
  const more = keys.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
