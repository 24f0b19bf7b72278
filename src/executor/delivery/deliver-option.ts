/** The option `deliver` of a pipeline. */
import { callable, options, readOption, type Shape } from '../../formats/shape.js';
import type { Logger } from '../../platform/logger.js';
import { checkedRetry, retryOptions, timeoutOption } from '../../stages/check-options.js';
import type { CallPolicy } from '../../stages/retried-call.js';
import type { RetryOptions } from '../../stages/stage.js';

/** What `deliver` gets: the published output, and how it is called. */
export interface Delivery {
  /** Of the published file; of several files, the first. Empty if the sink writes no file. */
  readonly path: string;
  /** Of all published files, absolute. */
  readonly paths: readonly string[];
  /** The same at every call of a session: a key for receivers that deduplicate. */
  readonly sessionId: string;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Rows of the output. */
  readonly rows: number;
  /** From 1, in this process. */
  readonly attempt: number;
  /** Aborted by cancel, by the time limit and when the actor stops. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Delivers the output; a value that it returns is not used. Must bear to be called again. */
export type Deliver = (delivery: Delivery) => unknown;

/** `deliver` with options. */
export interface DeliverOptions {
  readonly to: Deliver;
  /** As in a stage. Default: one attempt; with `when`, 5. Where `when` says `'pause'`, the run pauses with the reason; `'lose'` and
   * `'stop'` fail it. */
  readonly retry?: RetryOptions;
  /** Milliseconds of one attempt. Default: no limit. */
  readonly timeoutMs?: number;
}

/** The option, checked. */
export interface DeliveryPolicy extends CallPolicy {
  readonly to: Deliver;
}

const FIELDS = options({ to: callable, retry: retryOptions, timeoutMs: timeoutOption });
const OPTION: Shape<DeliveryPolicy> = {
  expected: 'a function, or { to, retry, timeoutMs }',
  read(value, path) {
    const { to, retry, timeoutMs } = FIELDS.read(typeof value === 'function' ? { to: value } : value, path);
    return { whose: 'deliver', to: to as Deliver, retry: checkedRetry(retry), timeoutMs };
  },
};

/** @throws {InvalidOptionError} */
export function deliverOption(given: unknown): DeliveryPolicy | undefined {
  return given === undefined ? undefined : readOption('pipeline()', 'deliver', OPTION, given);
}
