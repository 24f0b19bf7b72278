import { SinkError } from '../errors.js';

/** Makes the error for a row that cannot be encoded. `row` is its index in the batch, `what` the reason. */
export type RowProblem = (row: number, what: string, cause?: unknown) => SinkError;

/** @param label the sink that the error names.
 * @param advice what the rows must be, if the reason does not say so. */
export function rowProblem(label: string, advice?: string): RowProblem {
  return (row, what, cause) =>
    new SinkError(
      `${label}: row ${row} of a batch (from 0) ${what}${advice === undefined ? '' : `; ${advice}`}.`,
      cause === undefined ? undefined : { cause },
    );
}

export const JSON_ADVICE = 'rows have to be JSON values';
