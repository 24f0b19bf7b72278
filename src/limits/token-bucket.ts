/**
 * A token bucket (Turner, 1986; ATM Forum's GCRA is the same in another form): it holds at most `burst` units and gains
 * `limit` in `perMs`. Pure: the caller passes the time.
 *
 * 1. Between two moments `perMs` apart, at most `limit + burst` units are taken, if no call needs more than `burst`.
 * 2. A call that needs more than `burst` is let through when the bucket is full, and leaves it in debt. Its rate is kept.
 * 3. Time that steps back adds nothing.
 */
import type { Rate } from './rate.js';

/** Sums of fractions are not exact; a millionth of a unit is nothing. */
const EPSILON = 1e-6;

export class TokenBucket {
  #level: number;
  #filledAt: number;
  /** Share of the rate that is used: 1, or less while the service refuses more. */
  #share = 1;

  constructor(
    private rate: Rate,
    now: number,
  ) {
    this.#level = rate.burst;
    this.#filledAt = now;
  }

  /** Milliseconds until `amount` may be taken, after `ahead` units that others take before.
   * @returns 0: now. */
  delayFor(amount: number, ahead: number, now: number): number {
    this.#fill(now);
    const missing = ahead + Math.min(amount, this.rate.burst) - this.#level;
    if (missing <= EPSILON) return 0;
    return Math.max(0, this.#filledAt - now) + missing / this.#perMillisecond;
  }

  take(amount: number, now: number): void {
    this.#fill(now);
    this.#level -= amount;
  }

  /** Corrects an estimate. @param difference what was taken in excess; negative: too little was taken. */
  giveBack(difference: number, now: number): void {
    this.#fill(now);
    this.#level = Math.min(this.rate.burst, this.#level + difference);
  }

  /** At `until`, it holds at most `most` units: no burst follows. */
  block(until: number, most: number, now: number): void {
    this.#fill(Math.max(until, now));
    this.#level = Math.min(this.#level, most);
  }

  changeShare(share: number, now: number): void {
    this.#fill(now);
    this.#share = share;
  }

  changeRate(rate: Rate, now: number): void {
    this.#fill(now);
    this.rate = rate;
    this.#level = Math.min(this.#level, rate.burst);
  }

  get #perMillisecond(): number {
    return (this.rate.limit / this.rate.perMs) * this.#share;
  }

  #fill(now: number): void {
    const elapsed = now - this.#filledAt;
    if (elapsed <= 0) return;
    this.#level = Math.min(this.rate.burst, this.#level + elapsed * this.#perMillisecond);
    this.#filledAt = now;
  }
}
