/**
 * Which share of its rate a limiter uses: all of it, until the service refuses calls; then what the service accepts.
 *
 * It follows the window of TCP CUBIC (RFC 9438), counted in answers instead of seconds: after a refusal it falls to 0.9,
 * returns to the share that was refused, stays near it, and then looks for more. Pure.
 *
 * 1. One refusal costs one reduction. Refusals of calls that began before the last reduction belong to it.
 * 2. If calls are refused again almost at once, the share falls faster: to 0.7.
 * 3. Around a constant ceiling, fewer than 1 in 100 calls is refused, and more than 0.95 of the ceiling is used.
 */
const DECREASE = 0.9;
const FAST_DECREASE = 0.7;
/** Fewer successes than these between two refusals: the share is far too large. */
const FEW = 10;
/** Successes until the share is again where it was refused. */
const RECOVERY = 150;
const SMALLEST = 0.01;
/** Milliseconds in which refusals count as one. */
export const BURST_MS = 200;

export class Pace {
  share = 1;
  /** The share that was refused, and the one that it fell to. */
  #ceiling = 1;
  #floor = 1;
  #successes = RECOVERY;
  #reducedAt = Number.NEGATIVE_INFINITY;

  /** @param startedAt of the call, milliseconds. */
  countSuccess(startedAt: number): void {
    if (this.share === 1 || startedAt < this.#reducedAt) return;
    this.#successes++;
    const shape = (this.#successes / RECOVERY - 1) ** 3;
    this.share = Math.min(1, this.#ceiling + (this.#ceiling - this.#floor) * shape);
  }

  /** @returns false: it belongs to an earlier refusal. */
  countRefusal(startedAt: number, now: number): boolean {
    if (startedAt < this.#reducedAt || now - this.#reducedAt < BURST_MS) return false;
    const isFar = this.#successes < FEW;
    this.#ceiling = this.share;
    this.share = Math.max(SMALLEST, this.share * (isFar ? FAST_DECREASE : DECREASE));
    this.#floor = this.share;
    this.#successes = 0;
    this.#reducedAt = now;
    return true;
  }
}
