import { isPipelineError, RowError, StageError } from '../../errors.js';
import { causeOf, codeOf, messageOf } from '../../platform/thrown.js';
import type { RowFailure } from '../../stages/attempt.js';
import { httpAnswerOf } from '../../stages/failures/http-answer.js';
import type { AnyStage } from '../../stages/stage.js';
import type { InFlightBatch } from './in-flight-batch.js';

export function rowError(stage: AnyStage, batch: InFlightBatch, failure: RowFailure): RowError {
  const { index, error } = failure;
  const place = `Stage "${stage.name}", row ${index} of batch ${batch.index} (which begins at row ${batch.rowOffset} of the source)`;
  // Errors of ours begin with the stage already.
  const what = messageOf(error).replace(`Stage "${stage.name}": `, '');
  return new RowError(stage.name, index, `${place}: ${what}`, { cause: error });
}

/** Errors that end the run whatever the stage's `onError`: of the input, the sink, the journal and the session. */
const ENDS_THE_RUN = new Set([
  'MALFORMED_ROW',
  'LOSSES',
  'SINK',
  'CORRUPT_JOURNAL',
  'INVALID_STATE',
  'CHECKPOINT_WRITE',
  'STATE_DIRECTORY',
  'SESSION_LOCKED',
]);

export function endsTheRun(error: unknown): boolean {
  return isPipelineError(error) && ENDS_THE_RUN.has(error.code);
}

/** The error of a stage over a batch; `cause` is what the stage threw. Errors of ours already name the place. */
export function stageError(stage: AnyStage, batch: number, thrown: unknown): Error {
  if (isPipelineError(thrown)) return thrown;
  return new StageError(`Stage "${stage.name}" failed over batch ${batch}: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

/** The error of a run that `retry.when` stopped; `cause` is what the function threw. It says what to do. */
export function stopError(stage: AnyStage, batch: number, thrown: unknown): Error {
  const { message } = stageError(stage, batch, thrown);
  const cause = codeOf(thrown) === 'ROW_FAILED' ? causeOf(thrown) : thrown;
  const status = httpAnswerOf(cause)?.status;
  const isRefused = status === 401 || status === 403 || status === 407;
  const fix = isRefused ? 'The service refused the credentials. Fix the key or its rights' : 'Fix the cause';
  const end = /[.!?]$/.test(message) ? '' : '.';
  return new StageError(`${message}${end} ${fix}, then resume the session: no row was lost.`, { cause });
}
