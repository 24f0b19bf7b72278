/**
 * An attempt of a batch stage (see the guarantees in attempt.ts).
 *
 * It checks the input schema row by row, calls `process` with an array of the rows that fit, and checks the output schema
 * row by row. `process` is not called when no row is left for it. Once every row has succeeded, the result is final, and
 * `process` is not called again.
 *
 * Where `process` returns one row for each row that it did not report as failed, its rows are kept: the next attempt gets the
 * other rows alone, with an idempotency key of their own (I26). Where the numbers differ, it is not known which row was made
 * from which, and the next attempt gets all rows again.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { StageError } from '../errors.js';
import { copyRow } from '../formats/copy-row.js';
import { checkRows } from './answers.js';
import { type AttemptContext, abortOf, clockOf, ROW_REPORTS, type RowReport } from './attempt-context.js';
import {
  type AttemptMemory,
  type AttemptResult,
  keptRows,
  needsInputLater,
  type RowFailure,
} from './attempt-result.js';
import { judgeFailure } from './failures/retry-decision.js';
import { keyOfSome } from './idempotency-key.js';
import { type Door, type Verdict, validateRow } from './schema.js';
import type { BatchContext, BatchStage } from './stage.js';
import { andThen, isThenable } from './thenable.js';

type AnyBatchStage = BatchStage<unknown, unknown, never, unknown>;

interface SortedRows {
  readonly rows: unknown[];
  /** Of each row, its index before; undefined: every row is in its place. */
  readonly indexes: number[] | undefined;
  readonly failures: readonly RowFailure[];
}

const NO_FAILURES: readonly RowFailure[] = [];

export function runBatch(
  stage: AnyBatchStage,
  rows: readonly unknown[],
  context: AttemptContext,
  memory: AttemptMemory,
): AttemptResult | PromiseLike<AttemptResult> {
  const judge = (result: AttemptResult): AttemptResult =>
    result.failures.length === 0
      ? result
      : { rows: result.rows, failures: judgeRows(stage, context, memory, result.failures) };
  if (memory.result !== undefined) return judge(memory.result);
  return andThen(sortRows(stage, stage.input, 'input', rows), (sorted) => {
    abortOf(context).throwIfAborted();
    const whole = withoutLost(sorted, memory.lost);
    const accepted = memory.kept === undefined ? whole : withoutKept(whole, memory.kept);
    if (accepted.rows.length === 0) return judge({ rows: keptRows(memory), failures: accepted.failures });
    return andThen(callProcess(stage, rows, accepted, context, memory), (result) => {
      if (result !== undefined) return judge(result);
      memory.kept = undefined;
      return andThen(callProcess(stage, rows, whole, context, memory), (again) =>
        judge(again as AttemptResult),
      );
    });
  });
}

/** @returns undefined: it was called for some of the rows, and its answer does not say which row was made from which. */
function callProcess(
  stage: AnyBatchStage,
  rows: readonly unknown[],
  { rows: accepted, indexes, failures: refused }: SortedRows,
  context: AttemptContext,
  memory: AttemptMemory,
): AttemptResult | undefined | PromiseLike<AttemptResult | undefined> {
  const process = stage.process as (rows: unknown[], context: BatchContext) => unknown;
  const given = needsInputLater(stage, context) ? accepted.map(copyRow) : accepted;
  const isSome = memory.kept !== undefined || memory.lost.length > 0;
  const own = isSome && indexes !== undefined ? contextOfSome(context, indexes) : context;
  const reportsBefore = context[ROW_REPORTS]?.length ?? 0;
  return andThen(process(given, own as BatchContext), (answer) => {
    abortOf(context).throwIfAborted();
    const reports = context[ROW_REPORTS]?.slice(reportsBefore) ?? [];
    const reported = reportedFailures(stage, rows, indexes, reports);
    const returned = checkRows(stage.name, 'batch', answer, stage.durable);
    return andThen(sortRows(stage, stage.output, 'output', returned), (left): AttemptResult | undefined => {
      const isAligned = returned.length === accepted.length - reported.length;
      if (!isAligned && memory.kept !== undefined) return undefined;
      const failed = [...reported, ...left.failures];
      const failures = refused.length + failed.length === 0 ? NO_FAILURES : [...refused, ...failed];
      if (isAligned && (reported.length > 0 || memory.kept !== undefined))
        keepRows(memory, indexes ?? [...accepted.keys()], reported, left);
      const result = { rows: memory.kept === undefined ? left.rows : keptRows(memory), failures };
      if (failed.length === 0) memory.result = result;
      return result;
    });
  });
}

/** Remembers the row that was made from each row which did not fail. */
function keepRows(
  memory: AttemptMemory,
  indexes: readonly number[],
  reported: readonly RowFailure[],
  made: SortedRows,
): void {
  memory.kept ??= new Map();
  const failed = new Set(reported.map(({ index }) => index));
  const answered = indexes.filter((index) => !failed.has(index));
  for (const [i, row] of made.rows.entries())
    memory.kept.set(answered[made.indexes?.[i] ?? i] as number, row);
}

/** The idempotency key is that of these rows. */
function contextOfSome(context: AttemptContext, indexes: readonly number[]): AttemptContext {
  return Object.create(context, {
    idempotencyKey: { get: () => keyOfSome(context.idempotencyKey, indexes), enumerable: true },
  }) as AttemptContext;
}

function withoutKept(sorted: SortedRows, kept: ReadonlyMap<number, unknown>): SortedRows {
  return filterRows(sorted, (index) => !kept.has(index));
}

/** Without the rows that earlier attempts lost for good. */
function withoutLost(sorted: SortedRows, lost: readonly RowFailure[]): SortedRows {
  if (lost.length === 0) return sorted;
  const gone = new Set(lost.map(({ index }) => index));
  return filterRows(sorted, (index) => !gone.has(index));
}

/** @param isLeft by the index in the batch. */
function filterRows(sorted: SortedRows, isLeft: (index: number) => boolean): SortedRows {
  const { rows, indexes = [...rows.keys()], failures } = sorted;
  return {
    rows: rows.filter((_, i) => isLeft(indexes[i] as number)),
    indexes: indexes.filter(isLeft),
    failures,
  };
}

/** The failures of this attempt, with what `retry.when` decides about each. Rows that are lost already are left out. */
function judgeRows(
  stage: AnyBatchStage,
  context: AttemptContext,
  { lost }: AttemptMemory,
  failures: readonly RowFailure[],
): readonly RowFailure[] {
  const info = { attempt: context.attempt, now: clockOf(context).now() };
  const gone = new Set(lost.map(({ index }) => index));
  return failures
    .filter(({ index, isOutput = false }) => isOutput || !gone.has(index))
    .map((failure) => ({ ...failure, ...judgeFailure(stage, failure.error, info) }));
}

/** The rows that `process` reported as failed, by index.
 * @throws {StageError} for a row that `process` was not given. */
function reportedFailures(
  stage: AnyBatchStage,
  rows: readonly unknown[],
  indexes: SortedRows['indexes'],
  reports: readonly RowReport[],
): readonly RowFailure[] {
  if (reports.length === 0) return NO_FAILURES;
  const failures = new Map<number, RowFailure>();
  for (const { row, error } of reports) {
    const count = indexes?.length ?? rows.length;
    if (!Number.isInteger(row) || row < 0 || row >= count)
      throw new StageError(
        `Stage "${stage.name}": failRow was called with row ${String(row)}, but process was given rows 0 to ${count - 1}.`,
      );
    const index = indexes?.[row] ?? row;
    if (!failures.has(index)) failures.set(index, { index, row: rows[index], error });
  }
  return [...failures.values()].sort((a, b) => a.index - b.index);
}

/** Separates the rows that fit, as the schema left them, from the others. */
function sortRows(
  stage: AnyBatchStage,
  schema: StandardSchemaV1 | undefined,
  door: Door,
  rows: readonly unknown[],
): SortedRows | PromiseLike<SortedRows> {
  if (schema === undefined) return { rows: rows.slice(), indexes: undefined, failures: NO_FAILURES };
  const verdicts = rows.map((row) => validateRow(schema, row, stage.name, door));
  const isSettled = (verdict: Verdict | Promise<Verdict>): verdict is Verdict => !isThenable(verdict);
  const isOutput = door === 'output';
  return verdicts.every(isSettled)
    ? divideRows(rows, verdicts, isOutput)
    : Promise.all(verdicts).then((settled) => divideRows(rows, settled, isOutput));
}

function divideRows(rows: readonly unknown[], verdicts: readonly Verdict[], isOutput: boolean): SortedRows {
  const accepted: unknown[] = [];
  const indexes: number[] = [];
  const failures: RowFailure[] = [];
  verdicts.forEach((verdict, index) => {
    if (verdict.ok) {
      accepted.push(verdict.value);
      indexes.push(index);
    } else {
      const { error } = verdict;
      failures.push({ index, row: rows[index], error, ...(isOutput ? { isOutput } : {}) });
    }
  });
  return { rows: accepted, indexes, failures };
}
