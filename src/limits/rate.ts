/**
 * A rate: so many units in so much time. One unit is a request or a token.
 */
import { amount, type Infer, optional, options, type Shape } from '../formats/shape.js';

/** A ceiling: at most `limit` in `perMs`, evenly spread. */
export interface RateOptions {
  /** Units (requests or tokens) in `perMs`, from 1. May be a fraction. */
  readonly limit: number;
  /** Milliseconds, from 1 to 86,400,000 (a day). */
  readonly perMs: number;
  /** Units that may be used at once after a quiet time, from 1. In any window of `perMs`, at most `limit + burst` are used.
   * Default: 1 plus what becomes free in 20 ms, so that late timers cost no throughput. */
  readonly burst?: number;
}

/** The same, with every default filled in. */
export type Rate = Required<RateOptions>;

/** What one limiter counts. */
export const UNITS = ['requests', 'tokens', 'inputTokens', 'outputTokens'] as const;
export type Unit = (typeof UNITS)[number];

/** Milliseconds that a timer may be late without a loss of throughput. */
const TIMER_SLACK_MS = 20;
const MAX_PERIOD_MS = 86_400_000;
/** More would lose precision. */
const MAX_UNITS = 1e12;

const units = amount(1, MAX_UNITS);
const rateShape = options({
  limit: units,
  perMs: amount(1, MAX_PERIOD_MS, 'milliseconds'),
  burst: optional(units),
});

/** What a limiter limits. */
export const rateOptions = options({
  requests: optional(rateShape),
  tokens: optional(rateShape),
  inputTokens: optional(rateShape),
  outputTokens: optional(rateShape),
}) satisfies Shape<Readonly<Partial<Record<Unit, Infer<typeof rateShape> | undefined>>>>;

/** @param given checked by `rateOptions`. */
export function rateOf({ limit, perMs, burst }: Infer<typeof rateShape>): Rate {
  return { limit, perMs, burst: burst ?? 1 + (TIMER_SLACK_MS * limit) / perMs };
}
