/**
 * The buckets of one limiter on one clock, and the line of calls that wait for them.
 *
 * 1. First come first served: a call counts those that arrived before it and are not due yet. A call that is due but does not
 *    come, because its stage has no slot for it, delays no other call; it keeps its place.
 * 2. Units are taken when a call begins, never when it joins the line.
 * 3. While the limiter is blocked, no call begins. Calls that are due meanwhile wait again.
 */
import { Pace } from './pace.js';
import { type Rate, UNITS, type Unit } from './rate.js';
import { TokenBucket } from './token-bucket.js';

/** Units that a call needs, or has used; absent: none. */
export type Units = Readonly<Partial<Record<Unit, number>>>;

/** A call's place in the line. */
export interface Place {
  units: Units;
  /** When the call comes again; monotonic milliseconds. */
  dueAt: number;
}

/** Milliseconds that calls wait after a refusal that says no time, doubled with each further one. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class LimiterState {
  readonly #buckets = new Map<Unit, TokenBucket>();
  readonly #line: Place[] = [];
  #pace = new Pace();
  #blockedUntil = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  constructor(
    readonly name: string,
    rates: Readonly<Partial<Record<Unit, Rate>>>,
    now: number,
  ) {
    this.changeRates(rates, now);
  }

  changeRates(rates: Readonly<Partial<Record<Unit, Rate>>>, now: number): void {
    this.#pace = new Pace();
    for (const unit of UNITS) {
      const rate = rates[unit];
      if (rate === undefined) continue;
      const bucket = this.#buckets.get(unit);
      if (bucket === undefined) this.#buckets.set(unit, new TokenBucket(rate, now));
      else bucket.changeRate(rate, now);
    }
    this.#share(now);
  }

  /** Milliseconds until the call may begin; 0: now.
   * @param place absent: it is not in the line yet. */
  delayFor(units: Units, place: Place | undefined, now: number): number {
    let delayMs = Math.max(0, this.#blockedUntil - now);
    const ahead = this.#line.slice(0, place === undefined ? undefined : this.#line.indexOf(place));
    const waiting = ahead.filter(({ dueAt }) => dueAt > now);
    for (const [unit, bucket] of this.#buckets) {
      const before = waiting.reduce((sum, other) => sum + (other.units[unit] ?? 0), 0);
      delayMs = Math.max(delayMs, bucket.delayFor(units[unit] ?? 0, before, now));
    }
    return delayMs;
  }

  /** At the end of the line. */
  join(place: Place): void {
    this.#line.push(place);
  }

  leave(place: Place): void {
    const index = this.#line.indexOf(place);
    if (index >= 0) this.#line.splice(index, 1);
  }

  take(units: Units, now: number): void {
    for (const [unit, bucket] of this.#buckets) bucket.take(units[unit] ?? 0, now);
  }

  /** Corrects an estimate by what was used. @param used of units that are unknown, the estimate stands. */
  settle(taken: Units, used: Units, now: number): void {
    for (const [unit, bucket] of this.#buckets) {
      const actual = used[unit];
      if (actual !== undefined) bucket.giveBack((taken[unit] ?? 0) - actual, now);
    }
  }

  countSuccess(startedAt: number, now: number): void {
    if (startedAt >= this.#blockedUntil) this.#refusals = 0;
    this.#pace.countSuccess(startedAt);
    this.#share(now);
  }

  /** The service refused a call: every call that shares the limiter waits.
   * @param retryAfterMs what the service asked for; undefined: it did not say. */
  countRefusal(startedAt: number, retryAfterMs: number | undefined, now: number): void {
    if (this.#pace.countRefusal(startedAt, now)) {
      this.#refusals++;
      this.#share(now);
    }
    const pauseMs =
      retryAfterMs ?? Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, this.#refusals - 1));
    this.blockUntil(now + pauseMs, now);
  }

  /** No call begins before `until`, monotonic milliseconds. */
  blockUntil(until: number, now: number): void {
    if (until <= this.#blockedUntil) return;
    this.#blockedUntil = until;
    // Tokens may be used at once: without a request there is no use for them.
    this.#buckets.get('requests')?.block(until, 1, now);
  }

  /** Share of its rates that it uses: below 1 after refusals. */
  get share(): number {
    return this.#pace.share;
  }

  #share(now: number): void {
    for (const bucket of this.#buckets.values()) bucket.changeShare(this.#pace.share, now);
  }
}
