/**
 * `llm()`: a language model as a stage, through any provider of the AI SDK.
 *
 * 1. Each row's id is demanded back (items.ts). Rows without a usable answer are asked about again, in smaller requests down to
 *    one row (ask-rows.ts), each with a permit and a reservation of its own. What is left is a failure of that row, and follows `onError`.
 * 2. An answer that ended at the token limit or at the content filter is a failure, never an empty value.
 * 3. One layer retries: ours. `httpErrors()` decides about failed requests.
 * 4. The stage is durable, and its version is derived from what shapes its answers (I15).
 * 5. Neither prompts nor answers are in events, logs, errors or telemetry.
 */
import { rememberCache } from '../stages/cache/free-calls.js';
import { defineStage } from '../stages/define.js';
import { httpErrors } from '../stages/failures/http-errors.js';
import type { RetryWhen } from '../stages/failures/retry-decision.js';
import type { BatchStage } from '../stages/stage.js';
import { AnswerError } from './answer-error.js';
import { Asker } from './asker.js';
import { checkOptions } from './check-options.js';
import { ModelSetupError } from './model-errors.js';
import type { LlmOptions } from './options.js';

/** A row with the fields of its answer: what `llm` makes of a row unless `merge` is given. */
export type Answered<Row, Answer> = Omit<Row, keyof Answer> & Answer;

/**
 * A stage that asks a language model about each row.
 *
 * The stage is durable, tries failed requests again (`httpErrors()`), and counts tokens and money as spending.
 * @throws {InvalidOptionError} naming the option that is unknown, missing or out of range.
 * @example
 * const label = llm({
 *   name: 'label',
 *   model: openai('gpt-5-mini'),
 *   instructions: 'Classify the review.',
 *   prompt: (review: Review) => review.text,
 *   output: z.object({ mood: z.enum(['good', 'bad', 'mixed']) }),
 *   rowsPerCall: 20,
 *   price: { usdPerMillionInputTokens: 0.25, usdPerMillionOutputTokens: 2 },
 *   onError: 'dead-letter',
 * });
 */
export function llm<Row extends object, Answer extends object>(
  options: LlmOptions<Row, Answer, Answered<Row, Answer>> & { readonly merge?: undefined },
): BatchStage<Row, Answered<Row, Answer>>;
export function llm<Row, Answer, Out>(
  options: LlmOptions<Row, Answer, Out> & { readonly merge: (row: Row, answer: Answer) => Out },
): BatchStage<Row, Out>;
export function llm(options: LlmOptions<unknown, unknown, unknown>): BatchStage<unknown, unknown> {
  const checked = checkOptions(options);
  const { rest, version } = checked;
  const asker = new Asker(checked);
  const stage = defineStage<unknown, unknown>({
    durable: true,
    rowsPerCall: 1,
    estimate: (rows) => asker.estimate(rows),
    ...rest,
    version,
    retry: { ...rest.retry, when: lossesFirst(rest.retry?.when ?? httpErrors()) },
    process: (rows, context) => asker.process(rows, context),
  });
  return rememberCache(stage, checked.cached);
}

/** Answers that cannot be used are lost: they were asked for again already. */
function lossesFirst(otherwise: RetryWhen): RetryWhen {
  return (error, info) => {
    if (error instanceof AnswerError) return 'lose';
    return error instanceof ModelSetupError ? 'stop' : otherwise(error, info);
  };
}
