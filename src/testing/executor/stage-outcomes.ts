/** Outcomes that a test can give a stage for a batch, instead of calling the stage's own function. */
import type { StageContext } from '../../stages/stage.js';

/** The outcome of one invocation of a stage, made by `succeed`, `fail`, `stall` or `timeout`. */
export type StageOutcome =
  | { readonly kind: 'succeed'; readonly answer: StageAnswer | undefined }
  | { readonly kind: 'fail'; readonly error: unknown }
  | { readonly kind: 'stall' }
  | { readonly kind: 'timeout' };

/** Replaces a stage's function. A batch stage's gets the rows, a row stage's gets one row. */
export type StageAnswer = (input: never, context: StageContext) => unknown;

/**
 * Outcomes of a stage, by batch index (from 0). Each invocation takes the next one of a list, retries and invocations after a
 * restart included; after the list, the stage's own function runs. A single outcome applies to every invocation.
 * `otherwise` applies to the remaining batches. All rows of a batch share the outcome.
 * @example { 3: [fail('503'), fail('503')], 5: stall(), otherwise: succeed((rows) => rows) }
 */
export interface StageScript {
  readonly [batch: number]: StageOutcome | readonly StageOutcome[];
  readonly otherwise?: StageOutcome | readonly StageOutcome[];
}

/** The stage succeeds.
 * @param answer replaces the stage's own function. Default: the own function. */
export function succeed(answer?: StageAnswer): StageOutcome {
  return { kind: 'succeed', answer };
}

/** The stage throws; its `retry` and `onError` apply.
 * @param error the value to throw; a string becomes an `Error`. */
export function fail(error: unknown = 'scripted to fail'): StageOutcome {
  return { kind: 'fail', error: typeof error === 'string' ? new Error(error) : error };
}

/** The stage stays pending until `release`, or until a cancel, its timeout or another failure aborts it. */
export function stall(): StageOutcome {
  return { kind: 'stall' };
}

/** The stage stays pending until `advance` reaches its `timeoutMs`. */
export function timeout(): StageOutcome {
  return { kind: 'timeout' };
}
