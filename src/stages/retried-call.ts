/**
 * A call outside of any stage, with the retry of stages: a page of `pages()`, a delivery.
 *
 * 1. Attempts run one after the other. Between them: the backoff, or the time that the server asked for.
 * 2. An attempt begins when every limiter permits it. Waiting for a permit counts no attempt.
 * 3. After an abort nothing begins, and the call ends at once, also if the function ignores its signal.
 * 4. Time and chance are injected (I14).
 */
import type { Limiter } from '../limits/limiter.js';
import { type Permit, StagePermits } from '../limits/stage-permits.js';
import type { Clock, Random } from '../platform/clock.js';
import { retryDelayMs, wishedDelayMs } from './backoff.js';
import { refusalOf } from './failures/overload.js';
import { judgeBy, RETRY, type Verdict } from './failures/retry-decision.js';
import type { CheckedRetry } from './stage.js';

/** How calls of one kind are made. */
export interface CallPolicy {
  /** Whose calls they are, for messages: `pages()`. */
  readonly whose: string;
  readonly retry: CheckedRetry;
  readonly limit?: readonly Limiter[];
  /** Milliseconds of one attempt; undefined: no limit. */
  readonly timeoutMs: number | undefined;
}

/** An attempt that failed. */
export interface FailedAttempt {
  readonly error: unknown;
  /** From 1. */
  readonly attempt: number;
  /** Milliseconds until the next attempt; undefined: there is none. */
  readonly delayMs: number | undefined;
}

export interface CallEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the call. */
  readonly signal: AbortSignal;
  readonly onFailure?: (failed: FailedAttempt) => void;
  /** Once aborted, no attempt follows one that has failed. */
  readonly hold?: AbortSignal;
}

/** The call failed for good; `cause` is what its last attempt threw. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  constructor(
    readonly error: unknown,
    readonly attempts: number,
    /** `retry`: the attempts are used up. `held`: `hold` was aborted. */
    readonly kind: Verdict['kind'] | 'held',
  ) {
    super('the call failed', { cause: error });
  }
}

/** What an attempt gets. */
export interface CallContext {
  /** Aborted with the call, and by the time limit. */
  readonly signal: AbortSignal;
  /** From 1. */
  readonly attempt: number;
}

/** Makes calls, one at a time.
 * @returns the function that makes one. It throws `CallFailed`, or the reason of the abort. */
export function retriedCalls(
  policy: CallPolicy,
  environment: CallEnvironment,
): <R>(call: (context: CallContext) => Promise<R>) => Promise<R> {
  const { retry, whose, limit = [] } = policy;
  const { clock, random, signal, onFailure, hold } = environment;
  const permits = new StagePermits(limit, clock);
  return async (call) => {
    for (let attempt = 1; ; attempt++) {
      const permit = await permitted(permits, environment);
      try {
        const result = await runAttempt(call, attempt, policy, environment);
        permit.settle({ kind: 'success', spent: {} });
        return result;
      } catch (thrown) {
        settleFailure(permit, thrown, clock.now());
        signal.throwIfAborted();
        const info = { attempt, now: clock.now() };
        const { error, verdict = RETRY } = judgeBy(retry.when, whose, thrown, info);
        const isLast = verdict.kind !== 'retry' || attempt >= retry.attempts;
        const delayMs = isLast ? undefined : delayOf(verdict, retry, attempt, random);
        onFailure?.({ error, attempt, delayMs });
        if (delayMs === undefined) throw new CallFailed(error, attempt, verdict.kind);
        await sleep(delayMs, environment);
        if (hold?.aborted === true) throw new CallFailed(error, attempt, 'held');
      }
    }
  };
}

async function permitted(permits: StagePermits, environment: CallEnvironment): Promise<Permit> {
  for (;;) {
    environment.signal.throwIfAborted();
    const answer = permits.request('call');
    if (answer.kind === 'go') return answer.permit;
    try {
      await sleep(answer.delayMs, environment);
    } catch (error) {
      permits.giveUp();
      throw error;
    }
  }
}

function settleFailure(permit: Permit, thrown: unknown, now: number): void {
  const refusal = refusalOf(thrown, now);
  if (refusal === undefined) permit.settle({ kind: 'failure', spent: {} });
  else permit.settle({ kind: 'refused', spent: {}, retryAfterMs: refusal.afterMs });
}

function delayOf(verdict: Verdict, retry: CheckedRetry, attempt: number, random: Random): number {
  const afterMs = verdict.kind === 'retry' ? verdict.afterMs : undefined;
  return afterMs === undefined ? retryDelayMs(retry, attempt, random) : wishedDelayMs(retry, afterMs, random);
}

/** Resolves after `delayMs`, or when the calls are held; rejects with the reason of an abort. */
function sleep(delayMs: number, { clock, signal, hold }: CallEnvironment): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      stopTimer();
      signal.removeEventListener('abort', end);
      hold?.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const stopTimer = clock.setTimer(end, delayMs);
    signal.addEventListener('abort', end);
    hold?.addEventListener('abort', end);
    if (signal.aborted || hold?.aborted === true) end();
  });
}

/** Settles with the function's answer, the time limit, or the abort, whichever comes first. */
async function runAttempt<R>(
  call: (context: CallContext) => Promise<R>,
  attempt: number,
  { timeoutMs, whose }: CallPolicy,
  { clock, signal }: CallEnvironment,
): Promise<R> {
  signal.throwIfAborted();
  const controller = new AbortController();
  let stopTimer = () => {};
  let abort = () => {};
  try {
    return await new Promise<R>((resolve, reject) => {
      const end = (reason: unknown) => {
        controller.abort(reason);
        reject(reason);
      };
      abort = () => end(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      if (timeoutMs !== undefined)
        stopTimer = clock.setTimer(() => end(timeoutError(whose, timeoutMs)), timeoutMs);
      // In a promise: the function may throw at once.
      Promise.resolve({ signal: controller.signal, attempt }).then(call).then(resolve, reject);
    });
  } finally {
    stopTimer();
    signal.removeEventListener('abort', abort);
  }
}

/** `httpErrors()` knows the name. */
function timeoutError(whose: string, timeoutMs: number): Error {
  const error = new Error(`${whose}: no answer after ${timeoutMs} ms`);
  error.name = 'TimeoutError';
  return error;
}
