/** What an attempt gives, and what it leaves to the next attempt over the same batch. */

/** A row that an attempt lost. */
export interface RowFailure {
  /** In the batch as the stage received it; for a row that does not fit a batch stage's *output* schema (the message
   * says so): in the array that the stage answered with, because no row of the input can be named for it. */
  readonly index: number;
  readonly row: unknown;
  /** What the function threw, or a `SchemaError` or `StageError`. */
  readonly error: unknown;
}

export interface AttemptResult {
  readonly rows: readonly unknown[];
  /** By index; of a batch stage first those at its input, then those at its output. */
  readonly failures: readonly RowFailure[];
}

/** What need not be run again when the same batch is tried again. Made by `newAttemptMemory`, filled by attempts. */
export interface AttemptMemory {
  /** Row stages: what came of each row so far. */
  slots: unknown[] | undefined;
  /** Batch stages: the result whose rows are final. */
  result: AttemptResult | undefined;
}

export function newAttemptMemory(): AttemptMemory {
  return { slots: undefined, result: undefined };
}
