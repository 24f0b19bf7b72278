/**
 * What a stage is. A stage is described by plain data and functions; the executor spawns an actor for it and runs it.
 *
 * Two kinds: a *batch stage* sees a whole batch at once; a *row stage* sees one row at a time, so that one failing row
 * does not take its batch along, and so that adjacent synchronous row stages share one pass over a batch.
 */

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Logger } from '../platform/logger.js';

/** Exponential backoff with jitter: `initialDelayMs * factor^(attempt-1)`, at most `maxDelayMs`; with `jitter` a random
 * share of it between half and the whole ("equal jitter", M. Brooker, AWS Architecture Blog, 2015). */
export interface RetryOptions {
  /** How often a batch (for a row stage: each failing row) is tried in all, from 1. Default 1: no retry. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt. Default 200. */
  readonly initialDelayMs?: number;
  /** Milliseconds. Default 30,000. */
  readonly maxDelayMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Default true. */
  readonly jitter?: boolean;
}

/** What becomes of rows that failed for good: end the run, leave them out and count them, or set them aside. */
export type OnError = 'fail' | 'skip' | 'dead-letter';

/** What a stage's function is given beside its rows. */
export interface StageContext {
  readonly batch: {
    /** From 0, over the whole session. */
    readonly index: number;
    /** Rows of the source before this batch. */
    readonly rowOffset: number;
  };
  /** From 1; counted across crashes. */
  readonly attempt: number;
  /** Aborted by cancel, by a timeout and by the end of a failed run. */
  readonly signal: AbortSignal;
  /** The same for every invocation for this session, stage and batch: give it to services that deduplicate. */
  readonly idempotencyKey: string;
  readonly logger: Logger;
}

/** Called around each attempt over a batch; what they throw counts as the attempt's error (`onError`'s is logged). */
export interface StageHooks {
  /** Before an attempt. */
  readonly before?: (info: {
    readonly stage: string;
    readonly batch: number;
    readonly attempt: number;
  }) => void | Promise<void>;
  /** After an attempt that went well. */
  readonly after?: (info: {
    readonly stage: string;
    readonly batch: number;
    readonly attempt: number;
    readonly rowsOut: number;
  }) => void | Promise<void>;
  /** After an attempt, or a row, that failed. */
  readonly onError?: (
    error: unknown,
    info: { readonly stage: string; readonly batch: number; readonly attempt: number; readonly row?: number },
  ) => void | Promise<void>;
}

/** `I`, `O`: rows the stage takes and gives. `P`, `R`: rows its function is given and answers with, which differ from
 * these only where a schema transforms. */
export interface StageOptions<I, O, P = I, R = O> {
  /** Part of the fingerprint: raise it when the function's results change. Default '1'. */
  readonly version?: string;
  /** Its output is journaled before it is passed on: never invoked again for a batch that is (I8). Default false. */
  readonly durable?: boolean;
  /** Batches at once. Default 1. */
  readonly concurrency?: number;
  readonly retry?: RetryOptions;
  /** Per attempt over a batch. Default: none. */
  readonly timeoutMs?: number;
  /** Default 'fail'. */
  readonly onError?: OnError;
  /** Any Standard Schema (zod, valibot, arktype …). A row that does not fit follows `onError`; transforms apply. */
  readonly input?: StandardSchemaV1<I, P>;
  readonly output?: StandardSchemaV1<R, O>;
  readonly hooks?: StageHooks;
}

/** A row function's answer, by `shape`: 'map' one row, 'filter' keep or not, 'flatMap' any number of rows. */
export type RowShape = 'map' | 'filter' | 'flatMap';

interface StageBase<I, O> {
  readonly name: string;
  readonly version: string;
  readonly durable: boolean;
  readonly concurrency: number;
  readonly retry: Required<RetryOptions>;
  readonly timeoutMs: number | undefined;
  readonly onError: OnError;
  /** Without its types: `I` and `O` stand in `types` alone, so that a stage also takes rows with more fields. */
  readonly input: StandardSchemaV1 | undefined;
  readonly output: StandardSchemaV1 | undefined;
  readonly hooks: StageHooks;
  /** Never set: carries the row types, so that a stage that does not fit the one before it does not compile. */
  readonly types?: {
    /** What it takes. */
    readonly in: (row: I) => void;
    /** What it gives. */
    readonly out: O;
  };
}

/** A stage over whole batches. */
export interface BatchStage<I, O, P = I, R = O> extends StageBase<I, O> {
  readonly kind: 'batch';
  /** Answers with any number of rows for these.
   * @param rows as the input schema left them; an array of its own, which it may change. Never empty. */
  process(rows: P[], context: StageContext): readonly R[] | Promise<readonly R[]>;
}

/** A stage over one row at a time. */
export interface RowStage<I, O, P = I> extends StageBase<I, O> {
  readonly kind: 'row';
  readonly shape: RowShape;
  /** Rows of one batch at once, where the function is asynchronous. Default 1. */
  readonly rowConcurrency: number;
  /** Works on one row; its `shape` says what the answer means.
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
