/**
 * `httpErrors()`: a ready-made `retry.when` for stages that call services over HTTP.
 *
 * | answer | decision |
 * | --- | --- |
 * | 408, 409, 425, 429, 5xx, no answer (network, timeout) | another attempt, when the server says or after the backoff |
 * | 429 or 403 whose error code names a quota, 402 | pause: the account has to be topped up |
 * | 401, 403, 407 | stop: the credentials have to be fixed |
 * | 400, 404, 422, other 4xx, 3xx | the row is lost: it fails the same way again |
 * | an error that is not about HTTP | `otherwise` |
 */

import { amount, options, readOptions, type Shape, shape, withDefault } from '../../formats/shape.js';
import { codeOf, messageOf } from '../../platform/thrown.js';
import { chainOf, type HttpAnswer, httpAnswerOf } from './http-answer.js';
import { retryAfterMs } from './retry-after.js';
import { type FailureInfo, type RetryDecision, type RetryWhen, verdictOf } from './retry-decision.js';

/** Options of `httpErrors`. */
export interface HttpErrorsOptions {
  /** Milliseconds: the longest wait that a server may ask for. Default 300,000. */
  readonly maxAfterMs?: number;
  /** Decisions for single statuses, before all rules. `'retry'` keeps the server's wish. */
  readonly statuses?: Readonly<Record<number, RetryDecision>>;
  /** The decision for errors that are not about HTTP or the network. Default `'retry'`. */
  readonly otherwise?: RetryDecision;
}

const RETRIED = new Set([408, 409, 425, 429]);
const REFUSED = new Set([401, 403, 407]);
const PAYMENT_REQUIRED = 402;
/** Codes that say that the account is exhausted, not the rate: OpenAI's `insufficient_quota`, Google's `quotaExceeded`. */
const EXHAUSTED = /quota|billing|credit|balance/;
/** Anthropic says so in the message of a 400 alone. */
const EXHAUSTED_MESSAGE = /credit balance is too low/i;
/** Codes of Google that say so of the rate. */
const OF_RATE = /rate.?limit|resource_exhausted/;

/** Of Node, undici and the AI SDK: there was no answer, or half of one. */
const NETWORK_CODES =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENETRESET|ERR_NETWORK|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w+|STAGE_TIMEOUT|TimeoutError)$/;
/** The messages of `fetch` in undici, Chromium, Firefox and Safari: a `TypeError` without a code. */
const FETCH_FAILED =
  /^(fetch failed|terminated|failed to fetch|load failed|networkerror when|network ?error)/i;

const decision: Shape<RetryDecision> = shape(
  "'retry', 'lose', 'stop', 'pause' or { afterMs }",
  (value): value is RetryDecision => verdictOf(value) !== undefined,
);
const decisions = shape(
  `an object from statuses to ${decision.expected}`,
  (value): value is Readonly<Record<number, RetryDecision>> =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(
      ([status, one]) => /^[1-5]\d\d$/.test(status) && verdictOf(one) !== undefined,
    ),
);
const OPTIONS = options({
  maxAfterMs: withDefault(amount(0, Number.MAX_SAFE_INTEGER, 'milliseconds'), 300_000),
  statuses: withDefault<Readonly<Record<number, RetryDecision>>>(decisions, {}),
  otherwise: withDefault(decision, 'retry'),
});

/**
 * Makes a `retry.when` that reads status and headers of HTTP errors: of `fetch` responses that were thrown, the AI SDK, axios,
 * undici, and SDKs with `status` and `headers`.
 * @throws {InvalidOptionError}
 * @example
 * defineStage({ name: 'classify', retry: { attempts: 6, when: httpErrors() }, process: classify })
 */
export function httpErrors(given: HttpErrorsOptions = {}): RetryWhen {
  const { maxAfterMs, statuses, otherwise } = readOptions('httpErrors()', OPTIONS, given);
  const after = (answer: HttpAnswer, now: number): RetryDecision => {
    const afterMs = retryAfterMs(answer.headers, answer.status, now);
    return afterMs === undefined ? 'retry' : { afterMs: Math.min(afterMs, maxAfterMs) };
  };
  return (error: unknown, { now }: FailureInfo): RetryDecision => {
    const answer = httpAnswerOf(error);
    if (answer === undefined) return isNetworkError(error) ? 'retry' : otherwise;
    const decided = statuses[answer.status] ?? decisionOf(answer, messageOf(error));
    return decided === 'retry' ? after(answer, now) : decided;
  };
}

function decisionOf({ status, codes }: HttpAnswer, message: string): RetryDecision {
  if (status === PAYMENT_REQUIRED || (status === 400 && EXHAUSTED_MESSAGE.test(message))) return 'pause';
  const isLimit = status === 429 || status === 403;
  if (isLimit && codes.some((code) => EXHAUSTED.test(code) && !OF_RATE.test(code))) return 'pause';
  if (status >= 500 || RETRIED.has(status)) return 'retry';
  return REFUSED.has(status) ? 'stop' : 'lose';
}

function isNetworkError(error: unknown): boolean {
  return chainOf(error).some((one) => NETWORK_CODES.test(codeOf(one)) || FETCH_FAILED.test(messageOf(one)));
}
