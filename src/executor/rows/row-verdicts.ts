/**
 * What becomes of an attempt over a batch of which some rows failed, by the decisions of `retry.when` about each of them.
 *
 * A stop comes before a pause; both leave all rows as they are. Rows that are lost for good are remembered with the batch, so
 * that only the others are tried again. The batch is lost or passed on when no row is left to try.
 */
import type { AttemptMemory, RowFailure } from '../../stages/attempt.js';
import {
  gravest,
  type JudgedFailure,
  judgeFailure,
  RETRY,
  type Verdict,
} from '../../stages/failures/retry-decision.js';
import type { AnyStage } from '../../stages/stage.js';
import type { CallFailure } from './calls/call.js';
import type { InFlightBatch } from './in-flight-batch.js';
import { rowError } from './row-errors.js';

const LOSE: Verdict = { kind: 'lose' };

interface Judged extends RowFailure {
  readonly verdict: Verdict;
}

/** Adds the rows that are lost for good to `memory.lost`.
 * @returns the failure that the attempt ends with; undefined: nothing is left to try, and the batch continues without them. */
export function rememberLosses(
  stage: AnyStage,
  memory: AttemptMemory,
  failures: readonly RowFailure[],
  attempt: number,
): Judged | undefined {
  const isLast = attempt >= stage.retry.attempts;
  const judged = failures.map((failure): Judged => {
    const { verdict = RETRY } = failure;
    return { ...failure, verdict: verdict.kind === 'retry' && isLast ? LOSE : verdict };
  });
  const worst = gravest(judged);
  if (worst?.verdict.kind === 'stop' || worst?.verdict.kind === 'pause') return worst;
  if (worst?.verdict.kind === 'lose' && stage.onError === 'fail') return worst;
  const retried = gravest(judged.filter(({ verdict }) => verdict.kind === 'retry'));
  const lost = judged.filter(({ verdict }) => verdict.kind === 'lose');
  // A row that a batch stage returned is made anew by the next attempt.
  const isKept = ({ isOutput = false }: RowFailure) => retried === undefined || !isOutput;
  memory.lost = [...memory.lost, ...lost.filter(isKept)].sort((a, b) => a.index - b.index);
  return retried;
}

/** By the error, of any realm. A thrown primitive carries none: it is judged again. */
const verdicts = new WeakMap<object, Verdict>();

/** The error of the attempt, which carries the decision. */
export function judgedRowError(stage: AnyStage, batch: InFlightBatch, failure: Judged): Error {
  const error = rowError(stage, batch, failure);
  verdicts.set(error, failure.verdict);
  return error;
}

/** The error of an attempt in which a call failed. It carries the decision. */
export function judgedError(stage: AnyStage, batch: InFlightBatch, failure: CallFailure): unknown {
  const { row, error, verdict } = failure;
  if (row !== undefined) return judgedRowError(stage, batch, { ...row, verdict });
  if (typeof error === 'object' && error !== null) verdicts.set(error, verdict);
  return error;
}

/** What becomes of a failed attempt: what was decided about its rows, else about what was thrown. */
export function judgeAttempt(stage: AnyStage, attempt: number, thrown: unknown, now: number): JudgedFailure {
  const verdict = verdicts.get(thrown as object);
  return verdict === undefined ? judgeFailure(stage, thrown, { attempt, now }) : { error: thrown, verdict };
}
