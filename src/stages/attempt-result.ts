/** The result of an attempt, and what it leaves to the next attempt over the same batch. */

import type { Verdict } from './failures/retry-decision.js';
import type { CheckedRetry, StageContext } from './stage.js';

/** A row that an attempt lost. */
export interface RowFailure {
  /** Index in the batch as the stage received it. Exception: for a row that does not fit the *output* schema of a batch
   * stage, the index in the array that `process` returned. */
  readonly index: number;
  /** The row as the stage received it. */
  readonly row: unknown;
  /** What the function threw, or a `SchemaError` or `StageError`. */
  readonly error: unknown;
  /** What `retry.when` decided; absent where it was not asked. */
  readonly verdict?: Verdict;
  /** It is a row that `process` returned: `index` is not the index of a row that it was given. */
  readonly isOutput?: boolean;
}

export interface AttemptResult {
  readonly rows: readonly unknown[];
  /** In row stages by index; in batch stages input failures first, then output failures. */
  readonly failures: readonly RowFailure[];
}

/** The slot of a row that has not run yet, or failed. */
export const PENDING = Symbol('pending');

/** What need not run again when the same batch is tried again. Made by `newAttemptMemory`, filled by attempts. */
export interface AttemptMemory {
  /** Row stages: the result of each row so far. */
  slots: unknown[] | undefined;
  /** Batch stages: the result whose rows are final. */
  result: AttemptResult | undefined;
  /** Batch stages: output rows that need not be made again, by the index of the row that each was made from. */
  kept: Map<number, unknown> | undefined;
  /** Row stages: the function has been called for row 0 already, and returned this promise. */
  firstAnswer: PromiseLike<unknown> | undefined;
  /** Rows that are lost for good: they are not tried again, although others are. */
  lost: RowFailure[];
}

/** Takes over the slot of the first row: its function has been called. */
export function takeFirstSlot(memory: AttemptMemory, first: AttemptMemory, rows: number): void {
  memory.slots = new Array<unknown>(rows).fill(PENDING);
  memory.slots[0] = first.slots?.[0] ?? PENDING;
}

export function newAttemptMemory(firstAnswer?: PromiseLike<unknown>): AttemptMemory {
  return { slots: undefined, result: undefined, kept: undefined, firstAnswer, lost: [] };
}

/** Whether rows are needed as they were: for another attempt, or for the dead letters. Then each attempt gets copies,
 * because a stage's function may change rows in place. */
export function needsInputLater(
  stage: { readonly retry: CheckedRetry; readonly onError: string },
  context: Pick<StageContext, 'attempt'>,
): boolean {
  return context.attempt < stage.retry.attempts || stage.onError === 'dead-letter';
}

/** The kept output rows of a batch stage, in the order of their input (I4). */
export function keptRows({ kept }: AttemptMemory): unknown[] {
  if (kept === undefined) return [];
  return [...kept].sort(([a], [b]) => a - b).map(([, row]) => row);
}

/** The work as a whole has failed for good: every row without kept output is lost. @returns the kept output rows. */
export function loseOtherRows(memory: AttemptMemory, rows: readonly unknown[], error: unknown): unknown[] {
  const gone = new Set(memory.lost.map(({ index }) => index));
  for (const [index, row] of rows.entries())
    if (!gone.has(index) && !memory.kept?.has(index)) memory.lost.push({ index, row, error });
  return keptRows(memory);
}
