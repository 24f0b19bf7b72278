/**
 * A journal record of a durable stage: one line of header, then the output rows as JSON Lines.
 *
 * The header has the counters, losses and dead letters of the batch up to that stage, so that a batch taken from the
 * journal counts like a computed one. A record is used only for the rows that it was made from (I26) and for the code that
 * made it: else the batch is computed again.
 */
import { type JsonObject, type Losses, NO_LOSSES, type StageCounters } from '../../../machines/context.js';
import { CorruptJournalError, StageError } from '../../errors.js';
import { encodeJsonLines, type JsonLines } from '../../formats/json-lines-encoder.js';
import { bytesOf, utf8Bytes } from '../../formats/text-bytes.js';
import { jsonText } from '../../recording/json-text.js';

export interface BatchMetadata {
  readonly index: number;
  readonly rowOffset: number;
  readonly size: number;
  readonly inputHash: string;
  readonly malformed: number;
  readonly counters: readonly StageCounters[];
  readonly deadLetters: readonly JsonObject[];
  readonly losses: { readonly losses: Losses };
}

/** The keys on disk. */
interface RecordHeader {
  readonly fingerprint: string;
  readonly rowOffset: number;
  readonly size: number;
  /** Hash of the batch's rows in the source; absent in records of 0.1.0. */
  readonly input?: string;
  readonly rows: number;
  readonly malformed: number;
  readonly tallies: readonly StageCounters[];
  readonly losses: Losses;
  readonly deadLetters: readonly JsonObject[];
}

export interface JournaledOutput extends RecordHeader {
  readonly lines: Uint8Array;
}

const decoder = new TextDecoder();
const LINE_END = 10;

/** Some rows of an output, as JSON Lines. */
export type OutputPart = JsonLines;

/** @throws {StageError} for an output that is not JSON: the journal could not return it unchanged. */
export function encodeOutput(
  batch: BatchMetadata,
  stage: string,
  fingerprint: string,
  rows: readonly unknown[],
): { readonly payload: readonly Uint8Array[]; readonly parts: readonly OutputPart[] } {
  const notJson = (row: number) =>
    new StageError(
      `Stage "${stage}", batch ${batch.index}: output row ${row} is not JSON, and the output of a durable stage must be. Return plain values.`,
    );
  const header = `${headerText(batch, fingerprint, rows.length)}\n`;
  if (rows.length <= 1) {
    const line = rows.length === 0 ? '' : `${lineOf(rows[0]) ?? fail(notJson(0))}\n`;
    const [head, lines] = bytesOf(header, line);
    return { payload: [head, lines], parts: [{ lines, rows: rows.length, text: `[${line}]` }] };
  }
  const parts = encodeJsonLines(rows, notJson);
  return { payload: [utf8Bytes(header), ...parts.map(({ lines }) => lines)], parts };
}

function fail(error: Error): never {
  throw error;
}

/** `JSON.stringify` of a `RecordHeader`, in pieces: most of it is the same for every record, and with small outputs it is
 * most of a record. */
function headerText(batch: BatchMetadata, fingerprint: string, rows: number): string {
  const { rowOffset, size, inputHash, malformed, counters, deadLetters, losses } = batch;
  const lost = losses.losses === NO_LOSSES ? NO_LOSSES_TEXT : JSON.stringify(losses.losses);
  const letters = deadLetters.length === 0 ? '[]' : JSON.stringify(deadLetters);
  // `jsonText` clips long texts: no stage name is that long, but a fingerprint of a dozen stages is.
  return (
    `{"fingerprint":${JSON.stringify(fingerprint)},"rowOffset":${rowOffset},"size":${size},"input":"${inputHash}",` +
    `"rows":${rows},"malformed":${malformed},"tallies":${jsonText(counters)},"losses":${lost},"deadLetters":${letters}}`
  );
}

const NO_LOSSES_TEXT = JSON.stringify(NO_LOSSES);

function lineOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row);
  } catch {
    return undefined;
  }
}

/** @throws {CorruptJournalError} */
export function decodeRecord(payload: Uint8Array, batch: number): JournaledOutput {
  const end = payload.indexOf(LINE_END);
  try {
    const header = JSON.parse(decoder.decode(payload.subarray(0, end))) as RecordHeader;
    return { ...header, lines: payload.subarray(end + 1) };
  } catch (cause) {
    throw new CorruptJournalError(`The journal record for batch ${batch} cannot be read.`, { cause });
  }
}

/** (I26) Whether a record was made from these very rows. A record of 0.1.0 has no hash: its size decides. */
export function isMadeFrom(record: JournaledOutput, batch: BatchMetadata): boolean {
  if (record.rowOffset !== batch.rowOffset || record.size !== batch.size) return false;
  return record.input === undefined || record.input === batch.inputHash;
}

/** Visits the rows as the journal returns them. */
export function forEachOutputRow(parts: readonly OutputPart[], visit: (row: unknown) => void): void {
  for (const { lines, text } of parts)
    for (const row of JSON.parse(text ?? arrayText(lines)) as unknown[]) visit(row);
}

function arrayText(lines: Uint8Array): string {
  return `[${decoder.decode(lines).trimEnd().replaceAll('\n', ',')}]`;
}
