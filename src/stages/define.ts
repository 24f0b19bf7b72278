/**
 * The four ways to make a stage. Each checks every option at once, fills in the defaults and freezes what it gives, so
 * that the stage that runs is the one whose fingerprint was taken (I15).
 *
 * Types: without schemas a stage takes and gives what its function does. With an input schema it takes what the schema
 * takes and its function gets what the schema makes of it; with an output schema the function answers with what the
 * schema takes and the stage gives what the schema makes of it.
 */
import { checkBatchOptions, checkFunction, checkName, checkRowOptions } from './check-options.js';
import type { BatchStage, RowShape, RowStage, StageContext, StageOptions } from './stage.js';

/** What `defineStage` takes. */
export interface BatchStageOptions<I, O, P = I, R = O> extends StageOptions<I, O, P, R> {
  /** Unique within its pipeline; part of the fingerprint. 1 to 100 characters. */
  readonly name: string;
  /** Answers with any number of rows for a batch of them. What it throws fails the attempt over the whole batch.
   * Not called for an empty batch. */
  process(rows: P[], context: StageContext): readonly R[] | Promise<readonly R[]>;
}

/** What `map`, `filter` and `flatMap` take beside their function. */
export interface RowStageOptions<I, O, P = I, R = O> extends StageOptions<I, O, P, R> {
  /** Rows of one batch at once, where the function is asynchronous. Default 1. */
  readonly rowConcurrency?: number;
}

/** `T`, but not a place to infer it from: without this, what a stage gives would follow from where it is passed, as in
 * `pipe(map(…))`, and not from its function, and a stage that does not fit would compile. */
export type Settled<T> = [T] extends [infer U] ? U : never;
/** `I`, and a place to infer `P` from: inside a pipe a function need not say what its rows are; what it says, counts.
 * (The second branch is never taken; the compiler infers to it all the same.) */
export type Taken<I, P> = [I] extends [infer U] ? U : P;
/** What `map`, `filter` and `flatMap` give. */
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
  return Object.freeze({
    kind: 'batch',
    name,
    ...checked,
    input: options.input,
    output: options.output,
    process: (rows: P[], context: StageContext) => options.process(rows, context),
  });
}

/** A stage that makes one row of each row. A row whose function throws or rejects fails alone.
 * @param fn may be asynchronous; then `rowConcurrency` rows of a batch are under way at once.
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

/** A stage that keeps the rows for which the predicate answers with something truthy. A type guard narrows the rows
 * that follow. With an input schema the rows kept are as the schema left them.
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

/** A stage that makes any number of rows of each row: the function answers with an array.
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
  return Object.freeze({
    kind: 'row',
    shape,
    name,
    ...checked,
    input: options?.input,
    output: options?.output,
    // Not wrapped: it is called for every row, and its own kind tells whether it is asynchronous.
    processRow: fn,
  });
}
