/**
 * All rows of one call: asked about together, and those without a usable answer again, in smaller calls down to one row.
 *
 * 1. An answered row is not asked about again, also not by the next attempt after a request failed.
 * 2. The same request has the same idempotency key and the same body. A row that is asked about alone a second time gets
 *    another key: a provider that deduplicates would repeat its answer.
 * 3. A row is lost when it was asked about alone twice, or once where the model stopped at its token limit or its filter.
 */
import { sha256 } from '#sha256';
import type { AnswerError } from './answer-error.js';

/** What became of a row. */
export type RowAnswer = { readonly answer: unknown } | { readonly error: AnswerError };

/** Asks about rows, by their places in the call, once. A failed request throws. */
export type AskOnce = (places: readonly number[], idempotencyKey: string) => Promise<readonly RowAnswer[]>;

/** Rows that are asked about together, and how often they were before. */
interface Part {
  readonly places: readonly number[];
  readonly asked: number;
}

/** What is known about a call's rows while attempts at it go on. */
export class CallProgress {
  readonly #answers: (RowAnswer | undefined)[];
  #parts: Part[];

  /** @param known of the call's rows, at least one: the answers that need not be asked for */
  constructor(
    known: readonly (RowAnswer | undefined)[],
    private readonly idempotencyKey: string,
  ) {
    this.#answers = [...known];
    const places = [...known.keys()].filter((place) => known[place] === undefined);
    this.#parts = places.length === 0 ? [] : [{ places, asked: 0 }];
  }

  /** The places that the next request is about; undefined: each row has an answer or is lost. */
  get open(): readonly number[] | undefined {
    return this.#parts[0]?.places;
  }

  /** What is known about the rows; where `open` is undefined, about each of them. */
  get answers(): readonly (RowAnswer | undefined)[] {
    return this.#answers;
  }

  /** Makes the next request. What it throws leaves the call as it was, for the next attempt.
   * @returns the answers that can be used, by place. */
  async askNext(ask: AskOnce): Promise<ReadonlyMap<number, unknown>> {
    const [part, ...rest] = this.#parts;
    if (part === undefined) return new Map();
    const answers = await ask(part.places, this.#keyOf(part));
    this.#parts = [...rest, ...this.#settle(part, answers)];
    return new Map(
      part.places.flatMap((place, i) => {
        const answer = answers[i];
        return answer === undefined || 'error' in answer ? [] : [[place, answer.answer] as const];
      }),
    );
  }

  /** @returns the parts that are to be asked about next. */
  #settle({ places, asked }: Part, answers: readonly RowAnswer[]): Part[] {
    const open: number[] = [];
    places.forEach((place, i) => {
      const answer = answers[i] as RowAnswer;
      if (!('error' in answer) || (places.length === 1 && isFinal(answer.error, asked)))
        this.#answers[place] = answer;
      else open.push(place);
    });
    const size = Math.ceil(places.length / 2);
    const parts: Part[] = [];
    for (let i = 0; i < open.length; i += size)
      parts.push({ places: open.slice(i, i + size), asked: places.length === 1 ? asked + 1 : 0 });
    return parts;
  }

  #keyOf({ places, asked }: Part): string {
    if (asked === 0 && places.length === this.#answers.length) return this.idempotencyKey;
    return `${this.idempotencyKey}:${sha256(`${asked}:${places.join()}`).slice(0, 16)}`;
  }
}

const MAX_ASKED_ALONE = 2;

function isFinal({ problem }: AnswerError, asked: number): boolean {
  return problem === 'length' || problem === 'content-filter' || asked + 1 >= MAX_ASKED_ALONE;
}

/** Calls in progress whose requests did not all succeed yet, by idempotency key. Bounded: a call that is forgotten asks about
 * all its rows again. */
export class CallsInProgress {
  readonly #calls = new Map<string, CallProgress>();

  constructor(private readonly max = 256) {}

  take(idempotencyKey: string): CallProgress | undefined {
    const found = this.#calls.get(idempotencyKey);
    this.#calls.delete(idempotencyKey);
    return found;
  }

  keep(idempotencyKey: string, call: CallProgress): void {
    this.#calls.set(idempotencyKey, call);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > this.max && oldest !== undefined) this.#calls.delete(oldest);
  }
}
