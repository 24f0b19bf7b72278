/**
 * What becomes of a failed call: the stage's `retry.when` decides, and says it in one of a few words.
 *
 * Pure: the runtime acts on the decision. A `when` that throws, or that returns anything else, is a mistake in the
 * pipeline: the run stops, and no row is lost.
 */
import { StageError } from '../../errors.js';
import { kindOf } from '../../formats/shape.js';
import { messageOf } from '../../platform/thrown.js';

/**
 * What becomes of a failure.
 *
 * - `'retry'`: another attempt after the backoff; when the attempts are used up, `onError` applies
 * - `{ afterMs }`: the same, after this time instead of the backoff (a server's `Retry-After`)
 * - `'lose'`: no other attempt; `onError` applies at once
 * - `'stop'`: the run fails, whatever `onError` says; no row is lost, and the session can be resumed
 * - `'pause'`: the run pauses by itself; no row is lost, and a resume makes the call again
 */
export type RetryDecision =
  | 'retry'
  | 'lose'
  | 'stop'
  | 'pause'
  | {
      /** Milliseconds, from 0. */
      readonly afterMs: number;
    };

/** What `retry.when` gets beside the error. */
export interface FailureInfo {
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** The run's clock, in milliseconds since the epoch: for headers that hold a date. */
  readonly now: number;
}

/** Decides about a failure. Synchronous.
 * @param error as it was thrown, by the function, a schema or a timeout */
export type RetryWhen = (error: unknown, info: FailureInfo) => RetryDecision;

/** A decision as data; `afterMs` undefined: the backoff. */
export type Verdict =
  | { readonly kind: 'retry'; readonly afterMs: number | undefined }
  | { readonly kind: 'lose' | 'stop' | 'pause' };

/** A failure, and what becomes of it. */
export interface JudgedFailure {
  /** As it was thrown; a `StageError` where `when` itself failed. */
  readonly error: unknown;
  /** Absent: the stage has no `when`. */
  readonly verdict?: Verdict;
}

/** What becomes of a failure where there is no `when`. */
export const RETRY: Verdict = { kind: 'retry', afterMs: undefined };
const WORDS = {
  retry: RETRY,
  lose: { kind: 'lose' },
  stop: { kind: 'stop' },
  pause: { kind: 'pause' },
} as const;

/** Asks the stage's `when`. Never throws. */
export function judgeFailure(
  { name, retry }: { readonly name: string; readonly retry: { readonly when?: RetryWhen | undefined } },
  error: unknown,
  info: FailureInfo,
): JudgedFailure {
  return judgeBy(retry.when, `Stage "${name}"`, error, info);
}

/** Asks a `when`. Never throws.
 * @param whose for messages: `Stage "classify"` */
export function judgeBy(
  when: RetryWhen | undefined,
  whose: string,
  error: unknown,
  info: FailureInfo,
): JudgedFailure {
  if (when === undefined) return { error };
  try {
    const decision: unknown = when(error, info);
    const verdict = verdictOf(decision);
    if (verdict !== undefined) return { error, verdict };
    const what = `${whose}: retry.when must return 'retry', 'lose', 'stop', 'pause' or { afterMs: milliseconds from 0 }; it returned ${kindOf(decision)}.`;
    return broken(`${what} The failure that it was asked about: ${messageOf(error)}`, error);
  } catch (thrown) {
    return broken(
      `${whose}: retry.when threw: ${messageOf(thrown)}. The failure that it was asked about: ${messageOf(error)}`,
      thrown,
    );
  }
}

/** @returns undefined: it is no decision. */
export function verdictOf(decision: unknown): Verdict | undefined {
  if (typeof decision === 'string')
    return Object.hasOwn(WORDS, decision) ? WORDS[decision as keyof typeof WORDS] : undefined;
  if (typeof decision !== 'object' || decision === null) return undefined;
  const { afterMs } = decision as { readonly afterMs?: unknown };
  const isDelay = typeof afterMs === 'number' && Number.isFinite(afterMs) && afterMs >= 0;
  return isDelay ? { kind: 'retry', afterMs } : undefined;
}

function broken(message: string, cause: unknown): JudgedFailure {
  return { error: new StageError(message, { cause }), verdict: { kind: 'stop' } };
}

const SEVERITY = { retry: 0, lose: 1, pause: 2, stop: 3 } as const;

/** The failure that decides for all of them: a stop before a pause, a pause before a loss, a loss before another attempt. Among
 * attempts, the latest. */
export function gravest<Failure extends Required<JudgedFailure>>(
  failures: readonly Failure[],
): Failure | undefined {
  return failures.reduce<Failure | undefined>(
    (worst, one) => (worst === undefined || isGraver(one.verdict, worst.verdict) ? one : worst),
    undefined,
  );
}

function isGraver(a: Verdict, b: Verdict): boolean {
  if (a.kind === 'retry' && b.kind === 'retry') return (a.afterMs ?? 0) > (b.afterMs ?? 0);
  return SEVERITY[a.kind] > SEVERITY[b.kind];
}
