/** The work of an `llm` stage: rows become requests, and answers become rows. */
import { messageOf } from '../platform/thrown.js';
import type { Spending } from '../spending/spending.js';
import { type Answers, answersIn, FurtherRequest } from '../stages/calls/further-request.js';
import type { BatchContext } from '../stages/stage.js';
import { AnswerError } from './answer-error.js';
import type { CheckedSchema } from './answer-schema.js';
import { CallProgress, CallsInProgress, type RowAnswer } from './ask-rows.js';
import type { CheckedLlm } from './check-options.js';
import { answersById, idsOf, messageFor, type RawAnswer } from './items.js';
import { askModel, type ModelAnswer } from './model-call.js';
import { ModelSetupError } from './model-errors.js';
import { spendingOf, TokenEstimate, tokensOf } from './price.js';

export class Asker {
  readonly #llm: CheckedLlm;
  readonly #calls = new CallsInProgress();
  readonly #estimate: TokenEstimate;

  constructor(llm: CheckedLlm) {
    this.#llm = llm;
    this.#estimate = new TokenEstimate(llm.settings.maxOutputTokens);
  }

  /** The stage's function, for the rows of one call: reports rows without a usable answer as failed, and returns the others. */
  async process(rows: readonly unknown[], context: BatchContext): Promise<unknown[]> {
    const { merge } = this.#llm;
    const answers = await this.#answersFor(rows, context);
    const out: unknown[] = [];
    answers.forEach((answer, i) => {
      if ('error' in answer) context.failRow(i, answer.error);
      else out.push(this.#callOption('merge', () => merge(rows[i], answer.answer)));
    });
    return out;
  }

  /** What one call about these rows will probably use. */
  estimate(rows: readonly unknown[]): Spending {
    const sent = this.#llm.instructions.length + messageFor(this.#textsOf(rows), []).length;
    return spendingOf(this.#estimate.tokens(sent, rows.length), this.#llm.price);
  }

  #textsOf(rows: readonly unknown[]): string[] {
    return rows.map((row) => {
      const text = this.#callOption('prompt', () => this.#llm.prompt(row));
      if (typeof text === 'string' && text.trim() !== '') return text;
      throw new ModelSetupError(
        `Stage "${this.#llm.name}": prompt must return a text that is not empty. Filter out rows without one.`,
      );
    });
  }

  /** What it throws is a mistake in the pipeline: another attempt would pay for the same failure. */
  #callOption(name: string, call: () => unknown): unknown {
    try {
      return call();
    } catch (error) {
      throw new ModelSetupError(`Stage "${this.#llm.name}": ${name} threw: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async #answersFor(rows: readonly unknown[], context: BatchContext): Promise<readonly RowAnswer[]> {
    const key = context.idempotencyKey;
    const texts = this.#textsOf(rows);
    const call = this.#calls.take(key) ?? (await this.#newCall(rows, key, context));
    try {
      const found = await call.askNext(async (places, requestKey) => {
        const asked = places.map((place) => texts[place] as string);
        const answers = await this.#ask(asked, requestKey, context);
        await this.#keepInCache(
          places.map((place) => rows[place]),
          answers,
          context,
        );
        return answers;
      });
      const { open } = call;
      if (open === undefined) return call.answers as readonly RowAnswer[];
      throw new FurtherRequest(
        open.map((place) => rows[place]),
        found as Answers,
      );
    } catch (error) {
      this.#calls.keep(key, call);
      throw error;
    }
  }

  async #newCall(rows: readonly unknown[], key: string, context: BatchContext): Promise<CallProgress> {
    const { cached } = this.#llm;
    const hits = await cached?.get(
      rows.map((row) => cached.key(row)),
      context,
    );
    const earlier = answersIn(context);
    const known = rows.map((_, place) => {
      if (earlier?.has(place) === true) return { answer: earlier.get(place) };
      const hit = hits?.[place];
      return hit === undefined ? undefined : { answer: hit.value };
    });
    return new CallProgress(known, key);
  }

  async #keepInCache(rows: readonly unknown[], answers: readonly RowAnswer[], context: BatchContext) {
    const { cached } = this.#llm;
    if (cached === undefined) return;
    const puts = answers.map((answer, i) =>
      'error' in answer ? undefined : cached.put(cached.key(rows[i]), answer.answer, context),
    );
    await Promise.all(puts);
  }

  async #ask(texts: readonly string[], idempotencyKey: string, context: BatchContext): Promise<RowAnswer[]> {
    const { model, instructions, schema, settings, price } = this.#llm;
    const ids = idsOf(texts);
    const message = messageFor(texts, ids);
    const request = { instructions, message, idempotencyKey, signal: context.signal };
    const answer = await askModel(model, schema, settings, request);
    const sent = instructions.length + message.length;
    const tokens = tokensOf(answer.usage, sent, answer.text);
    this.#estimate.learn(tokens, sent, texts.length);
    // A provider that deduplicates by key has charged the answer before.
    if (!answer.isReplayed) context.spend(spendingOf(tokens, price));
    return Promise.all(readAnswer(answer, ids).map((raw) => checkAnswer(schema, raw)));
  }
}

function readAnswer({ text, finishReason }: ModelAnswer, ids: readonly string[]): RawAnswer[] {
  const error = problemOf(finishReason);
  return error === undefined ? answersById(text, ids) : ids.map(() => ({ error }));
}

function problemOf(finishReason: string): AnswerError | undefined {
  if (finishReason === 'length')
    return new AnswerError(
      'length',
      'The answer reached the token limit. Raise maxOutputTokens, or ask for a shorter answer.',
    );
  if (finishReason === 'content-filter')
    return new AnswerError('content-filter', "The provider's content filter stopped the answer.");
  if (finishReason === 'error' || finishReason === 'tool-calls')
    return new AnswerError('unfinished', `The model stopped before it had answered (${finishReason}).`);
  return undefined;
}

async function checkAnswer(schema: CheckedSchema, raw: RawAnswer): Promise<RowAnswer> {
  if ('error' in raw) return raw;
  try {
    return { answer: await schema.check(raw.answer) };
  } catch (error) {
    if (error instanceof AnswerError) return { error };
    throw error;
  }
}
