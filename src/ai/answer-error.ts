import { PipelineError } from '../errors.js';

/** What was wrong with a model's answer about a row. */
export type AnswerProblem =
  | 'missing'
  | 'doubled'
  | 'foreign'
  | 'unreadable'
  | 'not-fitting'
  | 'length'
  | 'content-filter'
  | 'unfinished';

/** The model's answer about a row cannot be used, also not when the row is asked about alone. The message holds nothing of the
 * prompt and the answer. */
export class AnswerError extends PipelineError {
  readonly code = 'ANSWER';
  constructor(
    readonly problem: AnswerProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
