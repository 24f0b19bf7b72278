/**
 * One attempt of one stage over one batch: hooks, schemas, the stage's function. The executor decides about retries and
 * about what becomes of failures.
 *
 * 1. Synchronous work gives a synchronous result. The result is a promise only if a function returned one.
 * 2. Output rows stand in the order of the input (I4).
 * 3. In a row stage, a row that throws, rejects or does not fit a schema fails alone. What a batch stage throws fails the
 *    whole attempt; rows that do not fit its input schema, or that it reports with `failRow`, fail alone.
 * 4. What succeeded is remembered between the attempts of a batch and does not run again.
 * 5. After an abort no row starts, and the attempt ends at once with the signal's reason (I17).
 * 6. `before` and `after` that throw fail the attempt. `after` runs when the output is kept (for a durable stage: journaled),
 *    so its failure costs no work. An `onError` hook that throws is logged.
 * 7. A function may change its rows in place: where they are needed later, it gets copies (`needsInputLater`).
 */
import { messageOf } from '../platform/thrown.js';
import { runBatch } from './attempt-batch.js';
import { type Abortable, abortOf } from './attempt-context.js';
import {
  type AttemptMemory,
  type AttemptResult,
  keptRows,
  loseOtherRows,
  newAttemptMemory,
  type RowFailure,
  takeFirstSlot,
} from './attempt-result.js';
import { runRows } from './attempt-rows.js';
import type { AnyStage, StageContext } from './stage.js';
import { abandon, andThen, isThenable } from './thenable.js';

export {
  type AttemptMemory,
  type AttemptResult,
  keptRows,
  loseOtherRows,
  newAttemptMemory,
  type RowFailure,
  takeFirstSlot,
};

/** Keeps the output of an attempt. What it throws fails the attempt. */
export type KeepResult<T> = (result: AttemptResult) => T | PromiseLike<T>;

/** Runs one attempt; synchronous when all of it was.
 * @param rows the batch as the stage receives it; not changed. The same for every attempt that shares `memory`.
 * @throws (or rejects with) what the stage threw over the batch, what a hook or `keep` threw, or the signal's reason. */
export function runAttempt(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory?: AttemptMemory,
): AttemptResult | Promise<AttemptResult>;
/** @param keep runs before the `after` hook; its value is the value of the attempt. */
export function runAttempt<T extends { readonly rowsOut: number }>(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
  keep: KeepResult<T>,
): T | Promise<T>;
export function runAttempt(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory = newAttemptMemory(),
  keep?: KeepResult<unknown>,
): unknown {
  const { before, after, onError } = stage.hooks;
  const run = () => {
    abortOf(context).throwIfAborted();
    return stage.kind === 'row'
      ? runRows(stage, rows, context, memory)
      : runBatch(stage, rows, context, memory);
  };
  if (before === undefined && after === undefined && onError === undefined) {
    const result = guardAttempt(stage, context, run) as AttemptResult | Promise<AttemptResult>;
    // What is kept is final: no abort ends the waiting for a journal.
    return keep === undefined ? result : andThen(result, keep);
  }
  const conclude = (result: AttemptResult) => (keep === undefined ? result : keep(result));
  return guardAttempt(stage, context, () =>
    andThen(callBefore(stage, context), () =>
      andThen(run(), (result) =>
        andThen(reportFailures(stage, context, result.failures, 0), () =>
          andThen(conclude(result), (kept) =>
            andThen(callAfter(stage, context, rowsOutOf(kept)), () => kept),
          ),
        ),
      ),
    ),
  );
}

/** One call over some rows of a batch, without hooks; synchronous when all of it was.
 * @param first index of the first row in the batch
 * @throws (or rejects with) what the stage threw over the rows, or the signal's reason. */
export function runCall(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
  first: number,
): AttemptResult | Promise<AttemptResult> {
  const abort = abortOf(context);
  abort.throwIfAborted();
  const result =
    stage.kind === 'row'
      ? runRows(stage, rows, context, memory, first)
      : runBatch(stage, rows, context, memory);
  return isThenable(result) ? untilAborted(result, abort) : (result as AttemptResult);
}

/** Calls the `after` hook again for an output that is kept already.
 * @throws (or rejects with) what the hook threw, or the signal's reason. */
export function runAfterHook(stage: AnyStage, context: StageContext, rowsOut: number): void | Promise<void> {
  return guardAttempt(stage, context, () => callAfter(stage, context, rowsOut)) as void | Promise<void>;
}

function rowsOutOf(kept: unknown): number {
  const { rows, rowsOut } = kept as Partial<AttemptResult> & { readonly rowsOut?: number };
  return rowsOut ?? rows?.length ?? 0;
}

export function callBefore(stage: AnyStage, context: StageContext): void | Promise<void> {
  return stage.hooks.before?.(hookInfo(stage, context));
}

function hookInfo(stage: AnyStage, context: StageContext) {
  return { stage: stage.name, batch: context.batch.index, attempt: context.attempt };
}

export function callAfter(stage: AnyStage, context: StageContext, rowsOut: number): void | PromiseLike<void> {
  return stage.hooks.after?.({ ...hookInfo(stage, context), rowsOut });
}

/** Ends the work at an abort, and reports a failure of the whole attempt to the `onError` hook. */
function guardAttempt(stage: AnyStage, context: StageContext, work: () => unknown): unknown {
  abortOf(context).throwIfAborted();
  const fail = (error: unknown): Promise<never> => {
    const called = callOnError(stage, context, error, undefined);
    if (!isThenable(called)) throw error;
    return Promise.resolve(called).then(() => {
      throw error;
    });
  };
  try {
    const value = work();
    if (!isThenable(value)) return value;
    const result = untilAborted(value, abortOf(context));
    return stage.hooks.onError === undefined ? result : result.catch(fail);
  } catch (error) {
    return fail(error);
  }
}

function reportFailures(
  stage: AnyStage,
  context: StageContext,
  failures: readonly RowFailure[],
  from: number,
): void | PromiseLike<void> {
  if (stage.hooks.onError === undefined) return;
  for (let i = from; i < failures.length; i++) {
    const failure = failures[i] as RowFailure;
    const called = callOnError(stage, context, failure.error, failure.index);
    if (isThenable(called)) return called.then(() => reportFailures(stage, context, failures, i + 1));
  }
}

export function callOnError(
  stage: AnyStage,
  context: StageContext,
  error: unknown,
  row: number | undefined,
): void | Promise<void> {
  const { onError } = stage.hooks;
  if (onError === undefined) return;
  const logFailure = (thrown: unknown) => {
    const { batch, logger } = context;
    logger.warn(`Stage "${stage.name}": its onError hook failed: ${messageOf(thrown)}`, {
      stage: stage.name,
      batch: batch.index,
    });
  };
  try {
    const called = onError(error, { ...hookInfo(stage, context), ...(row === undefined ? {} : { row }) });
    if (isThenable(called)) return Promise.resolve(called).catch(logFailure) as Promise<void>;
  } catch (thrown) {
    logFailure(thrown);
  }
}

/** Settles with the work, or rejects with the signal's reason as soon as it is aborted. */
function untilAborted<T>(work: PromiseLike<T>, signal: Abortable): Promise<T> {
  if (signal.aborted) {
    abandon(work);
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const stopListening = () => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        stopListening();
        resolve(value);
      },
      (error: unknown) => {
        stopListening();
        reject(error);
      },
    );
  });
}
