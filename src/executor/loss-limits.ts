/** The option `losses` of a pipeline. */

import { InvalidOptionError } from '../errors.js';
import { amount, oneOf, options, readOptions, whole, withDefault } from '../formats/shape.js';

/** When a run stops losing rows. */
export interface LossOptions {
  /** Rows lost in all, since the run began or was resumed. Default: no limit. */
  readonly max?: number;
  /** Share of the last `of` rows of one stage, above 0 to 1. Default 1: all of them. */
  readonly rate?: number;
  /** Rows. Default 100. */
  readonly of?: number;
  /** Default `'pause'`: the run pauses by itself, and a resume tries the newest failures again. `'fail'` ends it; it can be
   * resumed as well. */
  readonly then?: 'pause' | 'fail';
}

export type LossLimits = Required<LossOptions>;

/** Rows whose fate is remembered, at most. */
const MAX_OF = 1_000_000;

const LOSSES = options({
  max: withDefault(whole(0), Number.POSITIVE_INFINITY),
  rate: withDefault(amount(0, 1, 'a share'), 1),
  of: withDefault(whole(1, MAX_OF), 100),
  // biome-ignore lint/suspicious/noThenProperty: options are not awaited.
  then: withDefault(oneOf(['pause', 'fail']), 'pause'),
});

/** @returns undefined: no limit. @throws {InvalidOptionError} */
export function lossLimits(given: LossOptions | false | undefined): LossLimits | undefined {
  if (given === false) return undefined;
  const limits = readOptions('pipeline(), option losses', LOSSES, given);
  if (limits.rate === 0)
    throw new InvalidOptionError(
      'pipeline(), option losses: rate must be above 0. Use max: 0 to allow no loss.',
    );
  return limits;
}
