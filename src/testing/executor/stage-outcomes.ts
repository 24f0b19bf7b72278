/** What a test may have a stage do with a batch, instead of what its function would do. */
import type { StageContext } from '../../stages/stage.js';

/** What becomes of one invocation of a stage: made by `succeed`, `fail`, `stall`, `timeout`. */
export type StageOutcome =
  | { readonly kind: 'succeed'; readonly answer: StageAnswer | undefined }
  | { readonly kind: 'fail'; readonly error: unknown }
  | { readonly kind: 'stall' }
  | { readonly kind: 'timeout' };

/** Stands in for a stage's function: a batch stage's is given the rows, a row stage's one row. */
export type StageAnswer = (input: never, context: StageContext) => unknown;

/**
 * The fates of a stage's batches, by batch index (from 0). A list is used up one invocation after the other, retries and
 * invocations after a restart counted alike, and the stage's own function follows it; a single fate is for every invocation.
 * `otherwise` is for batches that are not named. All rows of a batch share a row stage's fate.
 * @example { 3: [fail('503'), fail('503')], 5: stall(), otherwise: succeed((rows) => rows) }
 */
export interface StageScript {
  readonly [batch: number]: StageOutcome | readonly StageOutcome[];
  readonly otherwise?: StageOutcome | readonly StageOutcome[];
}

/** The stage answers.
 * @param answer instead of the stage's own function; which is called unless told. */
export function succeed(answer?: StageAnswer): StageOutcome {
  return { kind: 'succeed', answer };
}

/** The stage throws; its `retry` and `onError` decide what follows.
 * @param error what it throws; a text is made an `Error`. */
export function fail(error: unknown = 'scripted to fail'): StageOutcome {
  return { kind: 'fail', error: typeof error === 'string' ? new Error(error) : error };
}

/** The stage does not answer until `release` is called or it is aborted: by cancel, by its timeout, by a failure elsewhere. */
export function stall(): StageOutcome {
  return { kind: 'stall' };
}

/** The stage never answers: its `timeoutMs` ends the attempt when `advance` has moved time so far. */
export function timeout(): StageOutcome {
  return { kind: 'timeout' };
}
