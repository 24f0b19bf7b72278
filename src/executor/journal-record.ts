/**
 * What a journal record of a durable stage holds: one line of facts, then the output rows as JSON Lines.
 *
 * The facts are those of the batch up to that stage (figures, losses, dead letters), so that a batch taken from the
 * journal counts as the one that was computed. A record that is not for the same rows of the source, or was made by other
 * code (a forced resume), is not used: the batch is computed again.
 */
import type { JsonObject, Losses, StageTally } from '../../machines/facts.js';
import { CorruptJournalError, StageError } from '../errors.js';

interface BatchFacts {
  readonly rowOffset: number;
  readonly size: number;
  readonly malformed: number;
  readonly tallies: readonly StageTally[];
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
  readonly tallies: readonly StageTally[];
  readonly losses: Losses;
  readonly deadLetters: readonly JsonObject[];
}

export interface JournaledOutput extends RecordFacts {
  readonly lines: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LINE_END = 10;

/** @throws {StageError} for an output that is not JSON: it could not come back from the journal as it is. */
export function encodeOutput(
  batch: BatchFacts,
  stage: string,
  fingerprint: string,
  rows: readonly unknown[],
): { readonly payload: readonly Uint8Array[]; readonly lines: Uint8Array } {
  const { rowOffset, size, malformed, tallies, deadLetters, losses } = batch;
  const facts: RecordFacts = {
    fingerprint,
    rowOffset,
    size,
    rows: rows.length,
    malformed,
    tallies,
    losses: losses.losses,
    deadLetters,
  };
  let text = '';
  for (let i = 0; i < rows.length; i++) {
    const line = lineOf(rows[i]);
    if (line === undefined) {
      throw new StageError(
        `Stage "${stage}", batch ${batch.index}: its output row ${i} is not JSON, and a durable stage's output must be. Return plain values.`,
      );
    }
    text += `${line}\n`;
  }
  const lines = encoder.encode(text);
  return { payload: [encoder.encode(`${JSON.stringify(facts)}\n`), lines], lines };
}

function lineOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row);
  } catch {
    return undefined;
  }
}

export const decodeOutput = {
  /** Undefined: a record for other rows or by other code. */
  record(payload: Uint8Array, batch: BatchFacts, fingerprint: string): JournaledOutput | undefined {
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

  /** Rows of JSON Lines text. */
  rows(lines: Uint8Array): unknown[] {
    const text = decoder.decode(lines);
    return text === '' ? [] : (JSON.parse(`[${text.slice(0, -1).replaceAll('\n', ',')}]`) as unknown[]);
  },
};
