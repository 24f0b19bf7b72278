/**
 * Encodes the rows of a batch for the sink. Rows that the sink cannot hold follow the `onError` of the last stage, like rows that do not
 * fit an output schema.
 *
 * The rows are looked at one by one only where encoding them has failed.
 */
import type { EncodedRows, OpenSink } from '../../../sinks/sink.js';
import type { AnyStage } from '../../../stages/stage.js';
import type { LossCeiling } from '../holding/loss-ceiling.js';
import type { InFlightBatch } from '../in-flight-batch.js';

/** Where the rows go. */
export interface SinkEncoder {
  readonly sink: Pick<OpenSink<unknown>, 'encode' | 'problemOf'>;
  readonly stages: readonly AnyStage[];
}

/** Whether rows may be left out here: then they are encoded a batch at a time. */
export function leavesOutRows({ sink, stages }: SinkEncoder): boolean {
  const last = stages.at(-1);
  return sink.problemOf !== undefined && last !== undefined && last.onError !== 'fail';
}

/** @param losses undefined: any number of rows may be lost.
 * @throws {SinkError} for a row that cannot be encoded, where rows may not be left out. */
export function encodeForSink(
  to: SinkEncoder,
  batch: InFlightBatch,
  losses: LossCeiling | undefined,
): EncodedRows {
  const { sink, stages } = to;
  const rows = batch.decodeRows();
  try {
    return sink.encode(rows);
  } catch (error) {
    if (!leavesOutRows(to)) throw error;
    const problems = rows.map((row, index) => sink.problemOf?.(row, index));
    const lost = [...rows.keys()].filter((index) => problems[index] !== undefined);
    const [first] = lost;
    if (first === undefined) throw error;
    const last = stages.length - 1;
    for (const index of lost) batch.loseRow(last, index, rows[index], problems[index]);
    const { rowsIn, rowsOut } = batch.countersOf(last);
    batch.countRows(last, rowsIn, rowsOut - lost.length);
    losses?.recordLosses(last, rows.length, lost, problems[first]);
    return sink.encode(rows.filter((_, index) => problems[index] === undefined));
  }
}
