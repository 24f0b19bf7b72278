/**
 * An attempt of a batch stage (attempt.ts has the promises this keeps).
 *
 * Input schema row by row, the function over an array of its own with the rows that fit, output schema row by row. The
 * function is not called when no row is left for it. Its answer is final, and not asked for again, unless a row of it does not
 * fit the output schema: then another attempt may do better.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { abortOf } from './abortable.js';
import { checkedRows } from './answers.js';
import type { AttemptMemory, AttemptResult, RowFailure } from './attempt-result.js';
import { type Door, type Verdict, validateRow } from './schema.js';
import type { BatchStage, StageContext } from './stage.js';
import { andThen } from './thenable.js';

type AnyBatchStage = BatchStage<unknown, unknown, never, unknown>;

interface Sorted {
  readonly rows: unknown[];
  readonly failures: RowFailure[];
}

export function runBatch(
  stage: AnyBatchStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
): AttemptResult | PromiseLike<AttemptResult> {
  if (memory.result !== undefined) return memory.result;
  return andThen(sort(stage, stage.input, 'input', rows), (admitted) => {
    abortOf(context).throwIfAborted();
    if (admitted.rows.length === 0) return admitted;
    const process = stage.process as (rows: unknown[], context: StageContext) => unknown;
    return andThen(process(admitted.rows, context), (answer) => {
      abortOf(context).throwIfAborted();
      const given = checkedRows(stage.name, 'batch', answer);
      return andThen(sort(stage, stage.output, 'output', given), (left): AttemptResult => {
        const failures = [...admitted.failures, ...left.failures];
        const result = { rows: left.rows, failures };
        if (left.failures.length === 0) memory.result = result;
        return result;
      });
    });
  });
}

/** The rows that fit, as the schema left them, and the others. */
function sort(
  stage: AnyBatchStage,
  schema: StandardSchemaV1 | undefined,
  door: Door,
  rows: readonly unknown[],
): Sorted | Promise<Sorted> {
  if (schema === undefined) return { rows: rows.slice(), failures: [] };
  const verdicts = rows.map((row) => validateRow(schema, row, stage.name, door));
  const isSettled = (verdict: Verdict | Promise<Verdict>): verdict is Verdict =>
    !(verdict instanceof Promise);
  return verdicts.every(isSettled)
    ? divide(rows, verdicts)
    : Promise.all(verdicts).then((settled) => divide(rows, settled));
}

function divide(rows: readonly unknown[], verdicts: readonly Verdict[]): Sorted {
  const sorted: Sorted = { rows: [], failures: [] };
  verdicts.forEach((verdict, index) => {
    if (verdict.ok) sorted.rows.push(verdict.value);
    else sorted.failures.push({ index, row: rows[index], error: verdict.error });
  });
  return sorted;
}
