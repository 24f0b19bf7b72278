/**
 * A journal record of one call: one line of header, then its output rows as JSON Lines.
 *
 * The header has the rows that the call received, as place and hash (I26), and the rows that it lost, so that a call taken from
 * the journal counts like one that was made.
 */
import { StageError } from '../../../errors.js';
import { encodeJsonLines, type JsonLines } from '../../../formats/json-lines-encoder.js';
import { utf8Bytes } from '../../../formats/text-bytes.js';
import { errorData } from '../../../platform/thrown.js';
import type { Spending } from '../../../spending/spending.js';
import type { RowFailure } from '../../../stages/attempt.js';
import { jsonOf } from '../dead-letter.js';
import { headerAndLines } from '../journal-record.js';

/** A row that a call lost, as stored. */
interface StoredLoss {
  /** Index in the call. */
  readonly index: number;
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** A row that the call returned and that did not fit the output schema; absent: it is the row that the call received. */
  readonly output?: unknown;
}

/** The keys on disk. */
export interface CallHeader {
  readonly fingerprint: string;
  /** Of the batch: the first row in the source, and the number of rows there. */
  readonly rowOffset: number;
  readonly size: number;
  /** Index of the call's first row in the batch, as the stage received it; number of rows; their hash. */
  readonly first: number;
  readonly count: number;
  readonly input: string;
  /** Rows out. */
  readonly rows: number;
  readonly losses?: readonly StoredLoss[];
  /** Counted by the entry in the ledger (`spending-journal.ts`). */
  readonly spent?: Spending;
}

export interface CallRecord extends CallHeader {
  readonly lines: Uint8Array;
}

export interface EncodedCall {
  readonly payload: readonly Uint8Array[];
  readonly parts: readonly JsonLines[];
}

/** @param lost with indexes in the call.
 * @throws {StageError} for an output that is not JSON. */
export function encodeCall(
  header: Omit<CallHeader, 'rows' | 'losses'>,
  stage: string,
  batch: number,
  rows: readonly unknown[],
  lost: readonly RowFailure[],
): EncodedCall {
  const parts = encodeJsonLines(
    rows,
    (row) =>
      new StageError(
        `Stage "${stage}", batch ${batch}: output row ${row} of a call is not JSON, and the output of a durable stage must be. Return plain values.`,
      ),
  );
  const losses = lost.length === 0 ? {} : { losses: lost.map(storedLoss) };
  const head = utf8Bytes(`${JSON.stringify({ ...header, rows: rows.length, ...losses })}\n`);
  return { payload: [head, ...parts.map(({ lines }) => lines)], parts };
}

/** @throws {CorruptJournalError} */
export function decodeCall(payload: Uint8Array, batch: number): CallRecord {
  return headerAndLines<CallHeader>(payload, `of a call for batch ${batch}`);
}

/** The rows that a call lost, as they were. @param rows that the call received. */
export function lossesOf({ losses = [] }: CallHeader, rows: readonly unknown[]): RowFailure[] {
  return losses.map(({ index, name, code, message, output }) => {
    const error = Object.assign(new Error(message), { name, code });
    return output === undefined
      ? { index, row: rows[index], error }
      : { index, row: output, error, isOutput: true };
  });
}

function storedLoss({ index, row, error, isOutput = false }: RowFailure): StoredLoss {
  return { index, ...errorData(error), ...(isOutput ? { output: jsonOf(row) } : {}) };
}
