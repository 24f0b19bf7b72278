/**
 * What a stage is: plain data and functions. The executor spawns an actor for it and runs it.
 *
 * A *batch stage* gets a whole batch at once. A *row stage* gets one row at a time: a failing row fails alone, and adjacent
 * synchronous row stages are fused.
 */

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ConcurrencyRange } from '../../machines/adaptive-concurrency.js';
import type { Limiter } from '../limits/limiter.js';
import type { Logger } from '../platform/logger.js';
import type { Budget } from '../spending/budget.js';
import type { Spending } from '../spending/spending.js';
import type { CacheOptions } from './cache/cache-options.js';
import type { RetryWhen } from './failures/retry-decision.js';

/**
 * Exponential backoff with jitter: `initialDelayMs * factor^(attempt-1)`, at most `maxDelayMs`. With `jitter`, a random
 * share of it between half and all ("equal jitter", M. Brooker, AWS Architecture Blog, 2015).
 *
 * Every attempt gets the rows as they were: where another attempt may follow, or `onError` is 'dead-letter', the function
 * gets deep copies, so that it may change its rows in place. The copies cost about as much as decoding the rows.
 */
export interface RetryOptions {
  /** Attempts in all, from 1; in a row stage, of each failing row. Default 1: no retry; with `when`, 5. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt. Default 200. */
  readonly initialDelayMs?: number;
  /** Milliseconds. Default 30,000. */
  readonly maxDelayMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Default true. */
  readonly jitter?: boolean;
  /** Decides what becomes of a failure: another attempt, now or later, a loss, or the end of the run. In a row stage it is
   * asked about each failed row. Default: every failure is tried again. `httpErrors()` is ready-made for services.
   * @example
   * retry: { attempts: 6, when: (error) => (error instanceof RangeError ? 'lose' : 'retry') } */
  readonly when?: RetryWhen;
}

/** Retry options with every default filled in. */
export type CheckedRetry = Required<Omit<RetryOptions, 'when'>> & Pick<RetryOptions, 'when'>;

/** What happens to rows that failed for good: 'fail' ends the run, 'skip' counts them and leaves them out,
 * 'dead-letter' also writes them to the dead-letter sink. */
export type OnError = 'fail' | 'skip' | 'dead-letter';

/** What a stage's function gets beside its rows. */
export interface StageContext {
  readonly batch: {
    /** From 0, over the whole session. */
    readonly index: number;
    /** Rows of the source before this batch. */
    readonly rowOffset: number;
    /** Absolute path of the file that its rows are from: a batch has rows of one file only. Undefined: the source is no file. */
    readonly file?: string;
  };
  /** From 1, in this process: a batch that was in flight at a crash starts at 1 again. */
  readonly attempt: number;
  /** Aborted by cancel, by a timeout and when the run fails. */
  readonly signal: AbortSignal;
  /** The same for every invocation for this session, stage and batch, and for the very rows of that batch, in any process; with
   * `rowsPerCall`, for this call and its very rows. Pass it to services that deduplicate. In a row stage without `rowsPerCall`
   * add the row's index. */
  readonly idempotencyKey: string;
  readonly logger: Logger;
  /**
   * Counts what this work has spent, also if it fails afterwards. `usd`, `inputTokens` and `outputTokens` are compared with
   * budgets; any other name is only summed. Up to 16 names a session. Not in worker threads.
   * @param amounts finite numbers from 0
   * @throws {InvalidOptionError}
   * @example
   * spend({ usd: answer.price, inputTokens: answer.usage.in })
   */
  spend(amounts: Spending): void;
}

/** What `process` of a batch stage gets beside its rows. */
export interface BatchContext extends StageContext {
  /**
   * Reports that one row failed; the rest of the batch continues. Leave that row out of the rows that `process` returns.
   * The row follows the stage's `retry` and then its `onError`.
   *
   * Where `process` returns one row for each row that it did not report, in order, these rows are kept: the next attempt gets
   * the failed rows alone, with an idempotency key of their own. Where the numbers differ, the next attempt gets all rows again,
   * because it is not known which row was made from which.
   *
   * ```ts
   * process: async (rows, { failRow }) => {
   *   const answers = await Promise.allSettled(rows.map(ask));
   *   return answers.flatMap((answer, i) => {
   *     if (answer.status === 'fulfilled') return [answer.value];
   *     failRow(i, answer.reason);
   *     return [];
   *   });
   * }
   * ```
   * @param row index in the rows that `process` was given, from 0; another one fails the whole attempt
   * @param error why: any value */
  failRow(row: number, error: unknown): void;
}

/** Functions that are called around each attempt over a batch. */
export interface StageHooks {
  /** Before an attempt. What it throws fails the attempt. */
  readonly before?: (info: {
    readonly stage: string;
    readonly batch: number;
    readonly attempt: number;
  }) => void | Promise<void>;
  /** After an attempt that succeeded; for a durable stage, once its output is journaled. What it throws fails the attempt
   * but not the work: the next attempt, or a resume, keeps the output and does not call the stage again. With `onError` 'skip'
   * or 'dead-letter', a failure on the last attempt is logged and no row is lost. */
  readonly after?: (info: {
    readonly stage: string;
    readonly batch: number;
    readonly attempt: number;
    readonly rowsOut: number;
  }) => void | Promise<void>;
  /** After an attempt, or a row, that failed. What it throws is logged. */
  readonly onError?: (
    error: unknown,
    info: { readonly stage: string; readonly batch: number; readonly attempt: number; readonly row?: number },
  ) => void | Promise<void>;
}

/** `I`, `O`: rows that the stage takes and gives. `P`, `R`: rows that its function gets and returns; they differ only
 * where a schema transforms. */
export interface StageOptions<I, O, P = I, R = O> {
  /** Part of the fingerprint: change it when the function's results change. Default '1'. */
  readonly version?: string;
  /** Its output is journaled before the next stage gets it: the rows of each call, as they come. A call whose rows are
   * journaled is never made again (I8, I20). Default false. */
  readonly durable?: boolean;
  /** Batches at once; with `rowsPerCall`, calls of a batch stage at once. With bounds it adapts: it begins at `min`, grows while
   * the service keeps up, and falls on answers 429, 503 and 529 and on timeouts. Default 1. */
  readonly concurrency?: number | ConcurrencyRange;
  /** Rows in one call of the function; the last call of a batch may have fewer. Each call has its own permit, time limit,
   * retry, idempotency key and, in a durable stage, journal record: no finished call is made again, by any process (I20). In
   * a row stage it groups rows; there, `rowConcurrency` rows are in progress at once.
   * Default: in a batch stage all rows of the batch; in an asynchronous row stage 1. */
  readonly rowsPerCall?: number;
  /** What one call is expected to spend, for budgets: reserved before the call begins, and charged as uncertain if the process
   * crashes during the call. Not part of the fingerprint. Default: a moving average of the stage's calls.
   * @example
   * estimate: (rows) => ({ usd: 0.002 * rows.length }) */
  readonly estimate?: Spending | ((rows: readonly P[]) => Spending);
  /** Limits for this stage; see the pipeline's `budget`. Not part of the fingerprint. */
  readonly budget?: Budget;
  /** One limiter, or several: no call begins without a permit of each. A batch that waits for one holds no slot, and the wait
   * counts neither as a retry nor as time of the attempt. Not part of the fingerprint. Default: no limit. */
  readonly limit?: Limiter | readonly Limiter[];
  readonly retry?: RetryOptions;
  /** Milliseconds for an attempt over a whole *batch*, also in a row stage: see `rowTimeoutMs`. Where a batch is cut into
   * calls, for one call. Default: no limit. */
  readonly timeoutMs?: number;
  /** Default 'fail'. */
  readonly onError?: OnError;
  /** Keeps answers across sessions, by the stage's fingerprint and the row: a row that any session asked about is not asked about
   * again. Needs `durable`; Node only. In a batch stage, `process` must return one row for each row, in order. Not part of the
   * fingerprint. Default: none. */
  readonly cache?: CacheOptions<P>;
  /** Any Standard Schema (zod, valibot, arktype …). A row that does not fit follows `onError`; transforms apply. */
  readonly input?: StandardSchemaV1<I, P>;
  readonly output?: StandardSchemaV1<R, O>;
  readonly hooks?: StageHooks;
}

/** What a row function returns, by `shape`: 'map' one row, 'filter' whether to keep the row, 'flatMap' any number of
 * rows. */
export type RowShape = 'map' | 'filter' | 'flatMap';

interface StageBase<I, O> {
  readonly name: string;
  readonly version: string;
  readonly durable: boolean;
  /** Batches at once; with `adaptive`, at most. */
  readonly concurrency: number;
  /** Undefined: not given. */
  readonly rowsPerCall: number | undefined;
  /** Bounds of an adaptive concurrency; undefined: it is constant. */
  readonly adaptive: ConcurrencyRange | undefined;
  /** What one call is expected to spend. */
  readonly estimate: Spending | ((rows: readonly unknown[]) => Spending) | undefined;
  readonly budget: Budget | undefined;
  /** Empty: no limit. */
  readonly limit: readonly Limiter[];
  readonly retry: CheckedRetry;
  readonly timeoutMs: number | undefined;
  readonly onError: OnError;
  /** Untyped: `I` and `O` stand in `types` alone, so that a stage also takes rows with more fields. */
  readonly input: StandardSchemaV1 | undefined;
  readonly output: StandardSchemaV1 | undefined;
  readonly hooks: StageHooks;
  /** Never set. Carries the row types, so that stages that do not fit do not compile. */
  readonly types?: {
    /** Contravariant: the rows that it takes. */
    readonly in: (row: I) => void;
    /** The rows that it gives. */
    readonly out: O;
  };
}

/**
 * What makes a batch stage *keyed*: it remembers something by key, over all batches and processes of a session. The functions are pure.
 *
 * The executor keeps the state: it passes the batches in source order, one at a time (I4), and commits what a batch changed together
 * with its rows (I5, I6).
 */
export interface Keyed {
  /** 'distinct' passes the first row of each key; 'fold' passes every row, and steps the state of its key. */
  readonly kind: 'distinct' | 'fold';
  /** The key of a row: a JSON value. */
  key(row: unknown): unknown;
  /** The state of a new key. */
  init(key: unknown): unknown;
  /** The state after a row. */
  step(state: unknown, row: unknown): unknown;
  /** A row of the results. */
  result(value: unknown, key: unknown): unknown;
  /** Where the results go: a sink, checked by the executor. Undefined: nowhere. */
  readonly to: object | undefined;
  /** The executor's code for keyed stages, so that only pipelines with such a stage contain it. */
  readonly runtime: object;
}

/** A stage over whole batches. */
export interface BatchStage<I, O, P = I, R = O> extends StageBase<I, O> {
  readonly kind: 'batch';
  /** The stage keeps state by key: the executor calls these functions, and not `process`. */
  readonly keyed?: Keyed;
  /** Returns any number of rows for these.
   * @param rows as the input schema left them, in an array that the function may change. Never empty. */
  process(rows: P[], context: BatchContext): readonly R[] | Promise<readonly R[]>;
}

/** A stage over one row at a time. */
export interface RowStage<I, O, P = I> extends StageBase<I, O> {
  readonly kind: 'row';
  readonly shape: RowShape;
  /** Rows of one batch at once, where the function is asynchronous. Default 1. */
  readonly rowConcurrency: number;
  /** Milliseconds for one row, where the function is asynchronous. */
  readonly rowTimeoutMs: number | undefined;
  /** Works on one row; `shape` says what the returned value means.
   * @param row as the input schema left it.
   * @param index of the row in the batch as this stage receives it. */
  processRow(row: P, context: StageContext, index: number): unknown;
}

/** A stage from rows `I` to rows `O`. Made by `defineStage`, `map`, `filter`, `flatMap`. */
export type Stage<I, O> = BatchStage<I, O, never, unknown> | RowStage<I, O, never>;

/** The rows that a stage takes. */
export type RowIn<S extends AnyStage> = Parameters<NonNullable<S['types']>['in']>[0];

/** The rows that a stage gives. */
export type RowOut<S extends AnyStage> = NonNullable<S['types']>['out'];

/** A stage of any row types. */
// biome-ignore lint/suspicious/noExplicitAny: a list of stages of different row types; their fit is checked by pipe().
export type AnyStage = Stage<any, any>;

/** A list of stages that takes rows `I` and gives rows `O`; of a list of unknown length, nothing is known. */
export type StagesBetween<I, O> = (readonly [Stage<I, unknown>, ...AnyStage[]] | readonly AnyStage[]) &
  (readonly [...AnyStage[], Stage<never, O>] | readonly AnyStage[]);

/** The list of stages `S` for rows `I`, each stage taking the rows that the one before it gives. */
export type FittingStages<S extends readonly AnyStage[], I> = S extends readonly [
  infer First extends AnyStage,
  ...infer Rest extends readonly AnyStage[],
]
  ? readonly [Stage<I, RowOut<First>>, ...FittingStages<Rest, RowOut<First>>]
  : S;
