/** Stage functions that ask the cache first, and are called for the rest alone. */
import { StageError } from '../../errors.js';
import { keyOfSome } from '../idempotency-key.js';
import type { BatchContext, StageContext } from '../stage.js';
import type { CachedAnswers } from './cached-answers.js';

export type ProcessRow = (row: unknown, context: StageContext, index: number) => unknown;
export type ProcessRows = (rows: unknown[], context: BatchContext) => unknown;

/** The function of a row stage. */
export function cachedRow(cached: CachedAnswers, processRow: ProcessRow): ProcessRow {
  return async (row, context, index) => {
    const key = cached.key(row);
    const [hit] = await cached.get([key], context);
    if (hit !== undefined) return hit.value;
    const value = await processRow(row, context, index);
    await cached.put(key, value, context);
    return value;
  };
}

/**
 * The function of a batch stage, which must return one row for each row that it did not report as failed, in their order.
 * @throws {StageError} (rejects with it) when the number of rows says that it does not.
 */
export function cachedRows(stage: string, cached: CachedAnswers, process: ProcessRows): ProcessRows {
  return async (rows, context) => {
    const keys = rows.map((row) => cached.key(row));
    const hits = await cached.get(keys, context);
    const open = [...rows.keys()].filter((index) => hits[index] === undefined);
    if (open.length === 0) return hits.map((hit) => hit?.value);
    const failed = new Set<number>();
    const answers = await process(
      open.map((index) => rows[index]),
      contextOfSome(context, rows, open, failed),
    );
    const answered = open.filter((index) => !failed.has(index));
    if (!Array.isArray(answers) || answers.length !== answered.length)
      throw new StageError(
        `Stage "${stage}": with cache, process must return one row for each row, in order, without those that it reported with failRow. It was given ${open.length} and reported ${failed.size}.`,
      );
    const values = new Map<number, unknown>(answered.map((index, i) => [index, answers[i]]));
    await Promise.all(answered.map((index) => cached.put(keys[index] as string, values.get(index), context)));
    return [...rows.keys()]
      .filter((index) => !failed.has(index))
      .map((index) => (hits[index] === undefined ? values.get(index) : hits[index].value));
  };
}

/** The context for some of the rows: `failRow` counts in these, and the idempotency key is theirs (I26). */
function contextOfSome(
  context: BatchContext,
  rows: readonly unknown[],
  open: readonly number[],
  failed: Set<number>,
): BatchContext {
  return Object.create(context, {
    failRow: {
      value: (row: number, error: unknown) => {
        const index = open[row];
        if (index !== undefined) failed.add(index);
        context.failRow(index ?? rows.length, error);
      },
    },
    idempotencyKey: {
      get: () =>
        open.length === rows.length ? context.idempotencyKey : keyOfSome(context.idempotencyKey, open),
    },
  }) as BatchContext;
}
