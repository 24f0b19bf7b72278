/** What a pass gives where rows may come from any thread: JSON Lines. */
import { concatenated } from '../../formats/bytes.js';
import type { EncodedRows } from '../../sinks/sink.js';
import type { FusedBatchTask } from './run-fused-batch.js';

export interface OutputLines {
  readonly lines: Uint8Array;
  readonly count: number;
}

/** A `JsonLinesEncoder`, which only Node has. */
interface Encoder {
  encode(rows: readonly unknown[], firstIndex: number): readonly Uint8Array[];
}

/** For `runPass`: what `linesOf` puts together. */
export function linesEncoder(encoder: Encoder): NonNullable<FusedBatchTask['encode']> {
  return (rows, firstIndex) => ({ rows: rows.length, bytes: 0, data: encoder.encode(rows, firstIndex) });
}

/** @param encoded by `linesEncoder`. */
export function linesOf(encoded: readonly EncodedRows[]): OutputLines {
  const lines = concatenated(encoded.flatMap(({ data }) => data as readonly Uint8Array[]));
  return { lines, count: encoded.reduce((sum, { rows }) => sum + rows, 0) };
}
