/** What calls cost: from a price list and the tokens that were used, or that will probably be used. */
import type { LanguageModelUsage } from 'ai';
import type { Spending } from '../spending/spending.js';

/** What a model costs, in US dollars. */
export interface LlmPrice {
  readonly usdPerMillionInputTokens: number;
  readonly usdPerMillionOutputTokens: number;
  /** Of input tokens that the provider had in its cache. Default: as other input. */
  readonly usdPerMillionCachedInputTokens?: number;
  /** Default 0. */
  readonly usdPerCall?: number;
}

/** Tokens of a call. */
export interface Tokens {
  readonly input: number;
  /** Part of `input`. */
  readonly cached: number;
  readonly output: number;
  /** Part of `output`. */
  readonly reasoning: number;
}

/** Characters of text a token, where nothing better is known. */
const CHARACTERS_PER_TOKEN = 4;
/** Output tokens a row, before the first call has ended. */
const FIRST_OUTPUT_TOKENS = 100;
/** How much the last call weighs in the moving averages. */
const WEIGHT = 0.2;

/** The tokens that a provider reports; what it does not report is estimated from the texts. */
export function tokensOf(
  usage: LanguageModelUsage | undefined,
  promptLength: number,
  answer: string,
): Tokens {
  return {
    input: usage?.inputTokens ?? Math.ceil(promptLength / CHARACTERS_PER_TOKEN),
    cached: usage?.inputTokenDetails?.cacheReadTokens ?? 0,
    output: usage?.outputTokens ?? Math.ceil(answer.length / CHARACTERS_PER_TOKEN),
    reasoning: usage?.outputTokenDetails?.reasoningTokens ?? 0,
  };
}

/** One call's spending. Money is counted in 1e-9 dollars, so that sums are exact. */
export function spendingOf(tokens: Tokens, price: LlmPrice | undefined): Spending {
  const { input, cached, output, reasoning } = tokens;
  return {
    ...(price === undefined ? {} : { usd: usdOf(tokens, price) }),
    inputTokens: input,
    outputTokens: output,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(reasoning > 0 ? { reasoningTokens: reasoning } : {}),
  };
}

function usdOf({ input, cached, output }: Tokens, price: LlmPrice): number {
  const { usdPerMillionInputTokens, usdPerMillionOutputTokens, usdPerCall = 0 } = price;
  const usdPerMillionCached = price.usdPerMillionCachedInputTokens ?? usdPerMillionInputTokens;
  const perMillion =
    (input - cached) * usdPerMillionInputTokens +
    cached * usdPerMillionCached +
    output * usdPerMillionOutputTokens;
  return Math.round(perMillion * 1e3 + usdPerCall * 1e9) / 1e9;
}

/**
 * Learns from the calls that ended what the next one will use, at most: a budget is compared with it before the call begins.
 *
 * Moving averages, with twice the mean deviation added, as in TCP's timeout (V. Jacobson, "Congestion Avoidance and Control", 1988):
 * few calls use more.
 */
export class TokenEstimate {
  readonly #tokensPerCharacter = new Moving(1 / CHARACTERS_PER_TOKEN);
  readonly #outputTokensPerRow = new Moving(undefined);

  /** @param maxOutputTokens of a call; undefined: unlimited */
  constructor(private readonly maxOutputTokens: number | undefined) {}

  learn({ input, output }: Tokens, promptLength: number, rows: number): void {
    if (promptLength > 0 && input > 0) this.#tokensPerCharacter.add(input / promptLength);
    this.#outputTokensPerRow.add(output / rows);
  }

  tokens(promptLength: number, rows: number): Tokens {
    const output = Math.ceil(rows * (this.#outputTokensPerRow.high ?? FIRST_OUTPUT_TOKENS));
    return {
      input: Math.ceil(promptLength * (this.#tokensPerCharacter.high ?? 0)),
      cached: 0,
      output: Math.min(output, this.maxOutputTokens ?? output),
      reasoning: 0,
    };
  }
}

/** A moving average, and the mean deviation from it. */
class Moving {
  #deviation = 0;
  #isLearned = false;

  /** @param average before the first value; undefined: unknown */
  constructor(private average: number | undefined) {}

  add(value: number): void {
    if (!this.#isLearned || this.average === undefined) this.average = value;
    this.#isLearned = true;
    this.#deviation = mix(this.#deviation, Math.abs(value - this.average));
    this.average = mix(this.average, value);
  }

  /** Few values are higher. */
  get high(): number | undefined {
    return this.average === undefined ? undefined : this.average + 2 * this.#deviation;
  }
}

const mix = (before: number, now: number): number => before + WEIGHT * (now - before);
