/**
 * What a journal record of a durable stage holds: one line of facts, then the output rows as JSON Lines.
 *
 * The facts are those of the batch up to that stage (figures, losses, dead letters), so that a batch taken from the
 * journal counts as the one that was computed. A record that is not for the same rows of the source, or was made by other
 * code (a forced resume), is not used: the batch is computed again.
 */
import { type JsonObject, type Losses, NO_LOSSES, type StageCounters } from '../../../machines/context.js';
import { CorruptJournalError, StageError } from '../../errors.js';
import { encodeJsonLines, type JsonLines } from '../../formats/json-lines-encoder.js';
import { bytesOf, utf8Bytes } from '../../formats/text-bytes.js';
import { jsonText } from '../../recording/json-text.js';

export interface BatchMetadata {
  readonly rowOffset: number;
  readonly size: number;
  readonly malformed: number;
  readonly counters: readonly StageCounters[];
  readonly deadLetters: readonly JsonObject[];
  readonly losses: { readonly losses: Losses };
  readonly index: number;
}

interface RecordFacts {
  readonly fingerprint: string;
  readonly rowOffset: number;
  readonly size: number;
  readonly rows: number;
  readonly malformed: number;
  readonly tallies: readonly StageCounters[];
  readonly losses: Losses;
  readonly deadLetters: readonly JsonObject[];
}

export interface JournaledOutput extends RecordFacts {
  readonly lines: Uint8Array;
}

const decoder = new TextDecoder();
const LINE_END = 10;

/** Some rows of an output, as JSON Lines. */
export type OutputPart = JsonLines;

/** @throws {StageError} for an output that is not JSON: it could not come back from the journal as it is. */
export function encodeOutput(
  batch: BatchMetadata,
  stage: string,
  fingerprint: string,
  rows: readonly unknown[],
): { readonly payload: readonly Uint8Array[]; readonly parts: readonly OutputPart[] } {
  const noJson = (row: number) =>
    new StageError(
      `Stage "${stage}", batch ${batch.index}: its output row ${row} is not JSON, and a durable stage's output must be. Return plain values.`,
    );
  const facts = `${factsText(batch, fingerprint, rows.length)}\n`;
  if (rows.length <= 1) {
    const line = rows.length === 0 ? '' : `${lineOf(rows[0]) ?? fail(noJson(0))}\n`;
    const [head, lines] = bytesOf(facts, line);
    return { payload: [head, lines], parts: [{ lines, rows: rows.length, text: `[${line}]` }] };
  }
  const parts = encodeJsonLines(rows, noJson);
  return { payload: [utf8Bytes(facts), ...parts.map(({ lines }) => lines)], parts };
}

function fail(error: Error): never {
  throw error;
}

/** `JSON.stringify` of the facts, piece by piece: they are nearly always the same ones but for numbers, and with small
 * outputs they are most of what there is to write. */
function factsText(batch: BatchMetadata, fingerprint: string, rows: number): string {
  const { rowOffset, size, malformed, counters, deadLetters, losses } = batch;
  const lost = losses.losses === NO_LOSSES ? NO_LOSSES_TEXT : JSON.stringify(losses.losses);
  const letters = deadLetters.length === 0 ? '[]' : JSON.stringify(deadLetters);
  // No name of a stage is as long as what `json-text.ts` clips; a fingerprint of a dozen stages is.
  return (
    `{"fingerprint":${JSON.stringify(fingerprint)},"rowOffset":${rowOffset},"size":${size},"rows":${rows},` +
    `"malformed":${malformed},"tallies":${jsonText(counters)},"losses":${lost},"deadLetters":${letters}}`
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

export const decodeOutput = {
  /** Undefined: a record for other rows or by other code. */
  record(payload: Uint8Array, batch: BatchMetadata, fingerprint: string): JournaledOutput | undefined {
    const end = payload.indexOf(LINE_END);
    let facts: RecordFacts;
    try {
      facts = JSON.parse(decoder.decode(payload.subarray(0, end))) as RecordFacts;
    } catch (cause) {
      throw new CorruptJournalError(`The journal's record for batch ${batch.index} cannot be read.`, {
        cause,
      });
    }
    const isSame =
      facts.fingerprint === fingerprint && facts.rowOffset === batch.rowOffset && facts.size === batch.size;
    return isSame ? { ...facts, lines: payload.subarray(end + 1) } : undefined;
  },

  /** The rows, as anybody will find them in the journal. */
  forEachRow(parts: readonly OutputPart[], visit: (row: unknown) => void): void {
    for (const { lines, text } of parts)
      for (const row of JSON.parse(text ?? arrayText(lines)) as unknown[]) visit(row);
  },
};

function arrayText(lines: Uint8Array): string {
  return `[${decoder.decode(lines).trimEnd().replaceAll('\n', ',')}]`;
}
