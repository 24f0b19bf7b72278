/**
 * One attempt of one stage over one batch: hooks, schemas, the stage's function. Who retries, and what becomes of what
 * failed, is decided elsewhere.
 *
 * 1. Synchronous work is answered synchronously: a promise is given only if something answered with one.
 * 2. Output rows stand in the order of the input (I4).
 * 3. In a row stage a row that throws, rejects or does not fit a schema fails alone. What a batch stage throws is the
 *    failure of the whole attempt; its rows that do not fit the input schema fail alone, and it sees the others.
 * 4. What succeeded is remembered between the attempts of a batch and not run again.
 * 5. After an abort no row is started, and the attempt ends at once with the signal's reason, whoever still runs (I17).
 * 6. A hook that throws in `before` or `after` is the attempt's error; `onError` can hurt nobody.
 *
 * A row is not copied for its function: one that changes a row and then fails is given the changed row next time.
 */
import { messageOf } from '../errors.js';
import { type Abortable, abortOf } from './abortable.js';
import { runBatch } from './attempt-batch.js';
import {
  type AttemptMemory,
  type AttemptResult,
  newAttemptMemory,
  type RowFailure,
} from './attempt-result.js';
import { runRows } from './attempt-rows.js';
import type { AnyStage, StageContext } from './stage.js';
import { abandon, andThen, isThenable } from './thenable.js';

export { type AttemptMemory, type AttemptResult, newAttemptMemory, type RowFailure };

/** Runs one attempt; synchronous when all of it was.
 * @param rows the batch as the stage receives it; not changed. The same for every attempt that shares `memory`.
 * @throws (or rejects with) what the stage threw over the batch, what a hook threw, or the signal's reason. */
export function runAttempt(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory = newAttemptMemory(),
): AttemptResult | Promise<AttemptResult> {
  abortOf(context).throwIfAborted();
  try {
    const work = around(stage, rows, context, memory);
    if (!isThenable(work)) return work;
    const result = untilAborted(work, abortOf(context));
    if (stage.hooks.onError === undefined) return result;
    return result.catch((error: unknown) => lost(stage, context, error));
  } catch (error) {
    return lost(stage, context, error);
  }
}

function around(
  stage: AnyStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
): AttemptResult | PromiseLike<AttemptResult> {
  const body = () => {
    abortOf(context).throwIfAborted();
    return stage.kind === 'row'
      ? runRows(stage, rows, context, memory)
      : runBatch(stage, rows, context, memory);
  };
  const { before, after } = stage.hooks;
  if (before === undefined && after === undefined && stage.hooks.onError === undefined) return body();
  const info = { stage: stage.name, batch: context.batch.index, attempt: context.attempt };
  return andThen(before?.(info), () =>
    andThen(body(), (result) =>
      andThen(tellFailures(stage, context, result.failures, 0), () =>
        andThen(after?.({ ...info, rowsOut: result.rows.length }), () => result),
      ),
    ),
  );
}

/** The attempt failed as a whole: its `onError` hook hears of it, then the caller. */
function lost(stage: AnyStage, context: StageContext, error: unknown): Promise<never> {
  const told = tell(stage, context, error, undefined);
  if (!isThenable(told)) throw error;
  return Promise.resolve(told).then(() => {
    throw error;
  });
}

function tellFailures(
  stage: AnyStage,
  context: StageContext,
  failures: readonly RowFailure[],
  from: number,
): void | PromiseLike<void> {
  if (stage.hooks.onError === undefined) return;
  for (let i = from; i < failures.length; i++) {
    const failure = failures[i] as RowFailure;
    const told = tell(stage, context, failure.error, failure.index);
    if (isThenable(told)) return told.then(() => tellFailures(stage, context, failures, i + 1));
  }
}

function tell(
  stage: AnyStage,
  context: StageContext,
  error: unknown,
  row: number | undefined,
): void | Promise<void> {
  const { onError } = stage.hooks;
  if (onError === undefined) return;
  const { batch, attempt, logger } = context;
  const harmless = (thrown: unknown) => {
    logger.warn(`Stage "${stage.name}": its onError hook failed: ${messageOf(thrown)}`, {
      stage: stage.name,
      batch: batch.index,
    });
  };
  try {
    const told = onError(error, {
      stage: stage.name,
      batch: batch.index,
      attempt,
      ...(row === undefined ? {} : { row }),
    });
    if (isThenable(told)) return Promise.resolve(told).catch(harmless) as Promise<void>;
  } catch (thrown) {
    harmless(thrown);
  }
}

/** The work, or the signal's reason as soon as it is aborted: nobody waits for a function that does not listen. */
function untilAborted<T>(work: PromiseLike<T>, signal: Abortable): Promise<T> {
  if (signal.aborted) {
    abandon(work);
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = () => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}
