/**
 * The four ways to make a stage. Each checks every option at once, fills in the defaults and freezes the stage, so that
 * the stage that runs is the one that was fingerprinted (I15).
 *
 * Types: without schemas, a stage takes and gives what its function does. With an input schema, it takes the schema's input
 * and its function gets the schema's output. With an output schema, its function returns the schema's input and the stage
 * gives the schema's output.
 */
import { type CachedAnswers, cachedAnswers } from './cache/cached-answers.js';
import { cachedRow, cachedRows, type ProcessRow, type ProcessRows } from './cache/cached-process.js';
import { rememberCache } from './cache/free-calls.js';
import { checkBatchOptions, checkFunction, checkName, checkRowOptions } from './check-options.js';
import { describeStage } from './fingerprint.js';
import type {
  AnyStage,
  BatchContext,
  BatchStage,
  RowShape,
  RowStage,
  StageContext,
  StageOptions,
} from './stage.js';

/** Options of `defineStage`. */
export interface BatchStageOptions<I, O, P = I, R = O> extends StageOptions<I, O, P, R> {
  /** Unique within its pipeline; part of the fingerprint. 1 to 100 characters. */
  readonly name: string;
  /** Returns any number of rows for a batch of rows. What it throws fails the attempt over the whole batch;
   * `context.failRow` fails one row. Not called for an empty batch. */
  process(rows: P[], context: BatchContext): readonly R[] | Promise<readonly R[]>;
}

/** Options of `map`, `filter` and `flatMap`. */
export interface RowStageOptions<I, O, P = I, R = O> extends StageOptions<I, O, P, R> {
  /** Rows of one batch at once, where the function is asynchronous. Default 1. */
  readonly rowConcurrency?: number;
  /** Milliseconds for one row, where the function is asynchronous: the row's `signal` is aborted, and the row fails alone.
   * Default: no limit. (`timeoutMs` limits the whole batch.) */
  readonly rowTimeoutMs?: number;
}

/** `T`, but without inference from it: otherwise `pipe(map(…))` would infer what a stage gives from where it is passed,
 * and not from its function, and a stage that does not fit would compile. */
export type Settled<T> = [T] extends [infer U] ? U : never;
/** `I`, with inference of `P` from it, so that a function inside a pipe need not declare its row type. (The second branch
 * is never taken, but the compiler infers from it.) */
export type Taken<I, P> = [I] extends [infer U] ? U : P;
/** The stage that `map`, `filter` and `flatMap` return. */
export type SettledRowStage<I, O, P> = RowStage<Taken<I, P>, Settled<O>, Settled<P>>;

/** A stage over whole batches.
 *
 * ```ts
 * const classify = defineStage({
 *   name: 'classify',
 *   durable: true,
 *   retry: { attempts: 4 },
 *   process: async (rows: Review[], { signal, idempotencyKey }) => labels(rows, { signal, idempotencyKey }),
 * });
 * ```
 * @throws {InvalidOptionError} naming the option that is unknown or out of range. */
export function defineStage<P, R, I = P, O = R>(
  options: BatchStageOptions<I, O, P, R>,
): BatchStage<Taken<I, P>, Settled<O>, Settled<P>, Settled<R>>;
export function defineStage<P, R, I, O>(options: BatchStageOptions<I, O, P, R>): BatchStage<I, O, P, R> {
  const name = checkName((options as Partial<typeof options> | undefined)?.name);
  const checked = checkBatchOptions(name, options);
  const process = (rows: P[], context: BatchContext) => options.process(rows, context);
  const cached = cacheOf(name, checked.durable, options.cache, () => stage);
  const stage: BatchStage<I, O, P, R> = Object.freeze({
    kind: 'batch',
    name,
    ...checked,
    input: options.input,
    output: options.output,
    process:
      cached === undefined ? process : (cachedRows(name, cached, process as ProcessRows) as typeof process),
  });
  return rememberCache(stage, cached);
}

/**
 * A stage that makes one row of each row. A row whose function throws or rejects fails alone.
 *
 * The function must not remember rows: a `Set` or a counter in a closure starts empty again after a resume, each worker
 * thread has its own, and a retry counts a row twice. `fold` and `distinct` keep such state. What a row becomes may depend only on the row, on its context and on
 * data that does not change during the session.
 * @param fn may be asynchronous; then `rowConcurrency` rows of a batch are in progress at once.
 * @throws {InvalidOptionError}
 * @example
 * map('tidy', (review: Review) => ({ ...review, title: review.title.trim() }))
 */
export function map<P, R, I = P, O = R>(
  name: string,
  fn: (row: P, context: StageContext, index: number) => R | Promise<R>,
  options?: RowStageOptions<I, O, P, R>,
): SettledRowStage<I, O, P> {
  return rowStage('map', name, fn, options);
}

/** A stage that keeps the rows for which the predicate returns a truthy value. A type guard narrows the rows that follow.
 * With an input schema, the kept rows are as the schema left them. The rule beside `map` about remembering rows applies.
 * @throws {InvalidOptionError}
 * @example
 * filter('good', (review: Review) => review.stars >= 4)
 */
export function filter<P, Q extends P, I = P, O = Q>(
  name: string,
  predicate: (row: P, context: StageContext, index: number) => row is Q,
  options?: RowStageOptions<I, O, P, Q>,
): SettledRowStage<I, O, P>;
export function filter<P, I = P, O = P>(
  name: string,
  predicate: (row: P, context: StageContext, index: number) => boolean | Promise<boolean>,
  options?: RowStageOptions<I, O, P, P>,
): SettledRowStage<I, O, P>;
export function filter<P, Q, I, O>(
  name: string,
  predicate: (row: P, context: StageContext, index: number) => boolean | Promise<boolean>,
  options?: RowStageOptions<I, O, P, Q>,
): SettledRowStage<I, O, P> {
  return rowStage('filter', name, predicate, options);
}

/** A stage that makes any number of rows of each row: the function returns an array. The rule beside `map` about
 * remembering rows applies.
 * @throws {InvalidOptionError}
 * @example
 * flatMap('words', (line: string) => line.split(' '))
 */
export function flatMap<P, R, I = P, O = R>(
  name: string,
  fn: (row: P, context: StageContext, index: number) => readonly R[] | Promise<readonly R[]>,
  options?: RowStageOptions<I, O, P, R>,
): SettledRowStage<I, O, P> {
  return rowStage('flatMap', name, fn, options);
}

function rowStage<P, I, O, R>(
  shape: RowShape,
  givenName: string,
  fn: (row: P, context: StageContext, index: number) => unknown,
  options: RowStageOptions<I, O, P, R> | undefined,
): SettledRowStage<I, O, P>;
function rowStage<P, I, O, R>(
  shape: RowShape,
  givenName: string,
  fn: (row: P, context: StageContext, index: number) => unknown,
  options: RowStageOptions<I, O, P, R> | undefined,
): RowStage<I, O, P> {
  const name = checkName(givenName);
  checkFunction(name, `the function of ${shape}`, fn);
  const checked = checkRowOptions(name, options);
  const cached = cacheOf(name, checked.durable, options?.cache, () => stage);
  const stage: RowStage<I, O, P> = Object.freeze({
    kind: 'row',
    shape,
    name,
    ...checked,
    input: options?.input,
    output: options?.output,
    // Not wrapped without a cache: it is called for every row, and fusion checks whether it is an async function.
    processRow: cached === undefined ? fn : (cachedRow(cached, fn as ProcessRow) as typeof fn),
  });
  return rememberCache(stage, cached);
}

/** The cache of a stage; undefined: it has none. */
function cacheOf(
  name: string,
  isDurable: boolean,
  cache: unknown,
  stage: () => AnyStage,
): CachedAnswers | undefined {
  return cachedAnswers(
    name,
    isDurable,
    cache,
    (row) => row,
    () => describeStage(stage()),
  );
}
