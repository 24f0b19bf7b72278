/** Rows out of fused stages where there are worker threads: JSON Lines, whichever thread processed them. */
import { concatenated } from '../../formats/bytes.js';
import { encodeJsonLines } from '../../formats/json-lines-encoder.js';
import { JSON_ADVICE, rowProblem } from '../../formats/row-problem.js';
import type { EncodedRows } from '../../sinks/sink.js';
import type { FusedBatchTask } from './run-fused-batch.js';

export interface OutputLines {
  readonly lines: Uint8Array;
  readonly count: number;
}

/** Encodes the rows of a fused batch for `linesOf`.
 * @param label the sink that errors name. */
export function linesEncoder(label: string): NonNullable<FusedBatchTask['encode']> {
  const problem = rowProblem(label, JSON_ADVICE);
  return (rows, firstIndex) => {
    const parts = encodeJsonLines(rows, problem, firstIndex);
    return { rows: rows.length, bytes: 0, data: parts.map(({ lines }) => lines) };
  };
}

/** @param encoded by `linesEncoder`. */
export function linesOf(encoded: readonly EncodedRows[]): OutputLines {
  const lines = concatenated(encoded.flatMap(({ data }) => data as readonly Uint8Array[]));
  return { lines, count: encoded.reduce((sum, { rows }) => sum + rows, 0) };
}
