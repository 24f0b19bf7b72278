/**
 * A journal record of a durable stage: one line of header, then the output rows as JSON Lines.
 *
 * The header has the counters, losses and dead letters of the batch up to that stage, so that a batch taken from the
 * journal counts like a computed one. A record is used only for the rows that it was made from (I26) and for the code that
 * made it: else the batch is computed again.
 */
import { platform } from '#platform';
import {
  emptyStageCounters,
  type JsonObject,
  type Losses,
  NO_LOSSES,
  type StageCounters,
} from '../../../machines/context.js';
import { CorruptJournalError, StageError } from '../../errors.js';
import { concatenated } from '../../formats/bytes.js';
import { encodeJsonLines, type JsonLines } from '../../formats/json-lines-encoder.js';
import { findPromise } from '../../formats/promises.js';
import { utf8Bytes } from '../../formats/text-bytes.js';
import { refusedRow } from '../../stages/answers.js';
import { recordedFingerprint } from '../../stages/pipeline-fingerprint.js';

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

/** The keys on disk. With small outputs a header is most of a record: what is empty or zero is left out. */
interface RecordHeader {
  readonly fingerprint: string;
  readonly rowOffset: number;
  readonly size: number;
  /** Hash of the batch's rows in the source; absent in records of 0.1.0. */
  readonly input?: string;
  readonly rows: number;
  /** Absent: 0. */
  readonly malformed?: number;
  /** Of the stages that have begun; absent counters are 0. */
  readonly tallies: readonly StoredCounters[];
  /** Absent: nothing was lost. */
  readonly losses?: Losses;
  /** Absent: there are none. */
  readonly deadLetters?: readonly JsonObject[];
  /** The rows are in the records of so many calls; absent: they are in this record. */
  readonly calls?: number;
  /** Of the rows of these calls together. */
  readonly checksum?: string;
}

type StoredCounters = Pick<StageCounters, 'stage'> & Partial<StageCounters>;

export interface JournaledOutput extends RecordHeader {
  readonly malformed: number;
  readonly tallies: readonly StageCounters[];
  readonly losses: Losses;
  readonly deadLetters: readonly JsonObject[];
  readonly lines: Uint8Array;
}

const decoder = new TextDecoder();
const LINE_END = 10;

/** Some rows of an output, as JSON Lines. */
export type OutputPart = JsonLines;

/** @throws {StageError} for an output that is not JSON, or that holds a promise: the journal could not return it unchanged. */
export function encodeOutput(
  batch: BatchMetadata,
  stage: string,
  fingerprint: string,
  rows: readonly unknown[],
): { readonly payload: readonly Uint8Array[]; readonly parts: readonly OutputPart[] } {
  const refuse = (row: number) => {
    const path = findPromise(rows[row]);
    if (path !== undefined) return refusedRow(stage, 'batch', rows, row, path);
    return new StageError(
      `Stage "${stage}", batch ${batch.index}: output row ${row} is not JSON, and the output of a durable stage must be. Return plain values.`,
    );
  };
  const header = `${headerText(batch, fingerprint, rows.length)}\n`;
  if (rows.length <= 1) {
    const line = rows.length === 0 ? '' : `${lineOf(rows[0]) ?? fail(refuse(0))}\n`;
    // Together: two calls of the encoder cost more than the work. A first row was searched for promises (`checkRows`).
    const record = utf8Bytes(header + line);
    const lines = record.subarray(record.indexOf(LINE_END) + 1);
    return { payload: [record], parts: [{ lines, rows: rows.length, text: `[${line}]` }] };
  }
  const parts = encodeJsonLines(rows, refuse);
  return { payload: [utf8Bytes(header), ...parts.map(({ lines }) => lines)], parts };
}

function fail(error: Error): never {
  throw error;
}

/** The record of a batch whose rows are in the records of its calls: it says that they are all there, and counts like any other. */
export function encodeCallsRecord(
  batch: BatchMetadata,
  fingerprint: string,
  rows: number,
  calls: readonly (readonly OutputPart[])[],
): readonly Uint8Array[] {
  const checksum = checksumOf(calls.flatMap((parts) => parts.map(({ lines }) => lines)));
  const head = headerText(batch, fingerprint, rows).slice(0, -1);
  return [utf8Bytes(`${head},"calls":${calls.length},"checksum":"${checksum}"}\n`)];
}

/** Of the rows of some calls, in order. */
export function checksumOf(lines: readonly Uint8Array[]): string {
  const all = concatenated(lines);
  return `${platform.checksum(all)}-${all.length}`;
}

/** `JSON.stringify` of a `RecordHeader`, in pieces: most of it is the same for every record. */
function headerText(batch: BatchMetadata, fingerprint: string, rows: number): string {
  const { rowOffset, size, inputHash, malformed, counters, deadLetters, losses } = batch;
  let text = `{"fingerprint":"${fingerprint}","rowOffset":${rowOffset},"size":${size},"input":"${inputHash}","rows":${rows}`;
  if (malformed > 0) text += `,"malformed":${malformed}`;
  text += ',"tallies":[';
  // No stage begins before the one before it has ended.
  for (let i = 0; i < counters.length && hasBegun(counters[i] as StageCounters); i++)
    text += `${i === 0 ? '' : ','}${countersText(counters[i] as StageCounters)}`;
  text += ']';
  if (losses.losses !== NO_LOSSES) text += `,"losses":${JSON.stringify(losses.losses)}`;
  if (deadLetters.length > 0) text += `,"deadLetters":${JSON.stringify(deadLetters)}`;
  return `${text}}`;
}

const hasBegun = ({ batches, retries, busyMs }: StageCounters): boolean => batches + retries + busyMs > 0;

function countersText(counters: StageCounters): string {
  const { stage, batches, rowsIn, rowsOut, skipped, deadLettered, retries, busyMs } = counters;
  let text = `{"stage":${textOf(stage)},"batches":${batches},"rowsIn":${rowsIn},"rowsOut":${rowsOut}`;
  if (skipped > 0) text += `,"skipped":${skipped}`;
  if (deadLettered > 0) text += `,"deadLettered":${deadLettered}`;
  if (retries > 0) text += `,"retries":${retries}`;
  if (busyMs > 0) text += `,"busyMs":${busyMs}`;
  return `${text}}`;
}

/** The JSON of names of stages: the same few for every record. */
const texts = new Map<string, string>();
const MAX_TEXTS = 1_000;

function textOf(text: string): string {
  let known = texts.get(text);
  if (known === undefined) {
    known = JSON.stringify(text);
    if (texts.size === MAX_TEXTS) texts.clear();
    texts.set(text, known);
  }
  return known;
}

/** Undefined: the row is no JSON. */
function lineOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row);
  } catch {
    return undefined;
  }
}

/** @throws {CorruptJournalError} */
export function decodeRecord(payload: Uint8Array, batch: number): JournaledOutput {
  const what = `for batch ${batch}`;
  const {
    malformed = 0,
    losses = NO_LOSSES,
    deadLetters = [],
    ...record
  } = headerAndLines<RecordHeader>(payload, what);
  const tallies = record.tallies.map((stored) => ({ ...emptyStageCounters(stored.stage), ...stored }));
  return { ...record, malformed, losses, deadLetters, tallies };
}

/** A record's header, and the rows after it.
 * @param what it is of, for the message. @throws {CorruptJournalError} */
export function headerAndLines<Header extends { readonly fingerprint: string }>(
  payload: Uint8Array,
  what: string,
): Header & { readonly lines: Uint8Array } {
  const end = payload.indexOf(LINE_END);
  try {
    const header = JSON.parse(decoder.decode(payload.subarray(0, end))) as Header;
    const fingerprint = recordedFingerprint(header.fingerprint);
    return { ...header, fingerprint, lines: payload.subarray(end + 1) };
  } catch (cause) {
    throw new CorruptJournalError(`The journal record ${what} cannot be read.`, { cause });
  }
}

/** (I26) Whether a record was made from these very rows. A record of 0.1.0 has no hash: its size decides. */
export function isMadeFrom(record: JournaledOutput, batch: BatchMetadata): boolean {
  if (record.rowOffset !== batch.rowOffset || record.size !== batch.size) return false;
  return record.input === undefined || record.input === batch.inputHash;
}

/** The rows as the journal returns them. */
export function decodeOutput(parts: readonly OutputPart[]): readonly unknown[] {
  const [first, ...others] = parts.map(
    ({ lines, text }) => JSON.parse(text ?? arrayText(lines)) as unknown[],
  );
  return others.length === 0 ? (first ?? []) : (first ?? []).concat(...others);
}

function arrayText(lines: Uint8Array): string {
  return `[${decoder.decode(lines).trimEnd().replaceAll('\n', ',')}]`;
}
