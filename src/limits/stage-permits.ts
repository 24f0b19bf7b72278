/**
 * The permits of one stage in one run: what its calls ask of the limiters before they begin.
 *
 * 1. A call that needs several limiters takes all of them at once, or none.
 * 2. A call takes its estimate and settles what it used. Where the caller gives no estimate, it is a moving average of what the
 *    stage's calls used; before the first answer, nothing.
 * 3. A call that waits keeps its place in every line until it begins or is given up.
 */
import type { Clock } from '../platform/clock.js';
import { type Limiter, stateOf } from './limiter.js';
import type { LimiterState, Place, Units } from './limiter-state.js';
import type { Unit } from './rate.js';

/** Tokens by name, as in `Spending`. */
export type TokenUse = Readonly<Record<string, number | undefined>>;

/** How a call ended. */
export interface CallEnd {
  readonly spent: TokenUse;
  /** Any other failure is neither a success nor a refusal. */
  readonly kind: 'success' | 'failure' | 'refused';
  /** Of a refusal: milliseconds that the service asked to wait. */
  readonly retryAfterMs?: number | undefined;
}

export type PermitAnswer =
  | { readonly kind: 'go'; readonly permit: Permit }
  | { readonly kind: 'defer'; readonly delayMs: number; readonly waitingFor: string };

/** Weight of the newest answer in the moving average, as in TCP's estimate of the round trip (RFC 6298). */
const NEWEST = 1 / 8;
const TOKEN_UNITS = ['tokens', 'inputTokens', 'outputTokens'] as const satisfies readonly Unit[];

export class StagePermits {
  readonly #waiting = new Map<string, Place>();
  readonly #states: readonly LimiterState[];
  readonly #averages: Partial<Record<Unit, number>> = {};

  constructor(
    limiters: readonly Limiter[],
    private readonly clock: Clock,
  ) {
    this.#states = limiters.map((limiter) => stateOf(limiter, clock));
  }

  /** Asks for a call's permit: for a call that waits, again.
   * @param key of the call within the stage
   * @param estimate tokens that the call will use, as far as they are known */
  request(key: string, estimate: TokenUse = {}): PermitAnswer {
    const now = this.clock.monotonic();
    const place = this.#waiting.get(key);
    const units = this.#estimated(estimate);
    let delayMs = 0;
    let waitingFor = '';
    for (const state of this.#states) {
      const needed = state.delayFor(units, place, now);
      if (needed <= delayMs) continue;
      delayMs = needed;
      waitingFor = state.name;
    }
    if (delayMs === 0) return { kind: 'go', permit: this.#begin(key, units, now) };
    // Whole milliseconds, as timers have: a call that is due is never early.
    delayMs = Math.max(1, Math.ceil(delayMs - 1e-6));
    this.#wait(key, place, units, now + delayMs);
    return { kind: 'defer', delayMs, waitingFor };
  }

  /** Gives up the places of the calls that wait. @param key absent: of all of them. */
  giveUp(key?: string): void {
    for (const each of key === undefined ? [...this.#waiting.keys()] : [key]) this.#leave(each);
  }

  #begin(key: string, units: Units, now: number): Permit {
    this.#leave(key);
    for (const state of this.#states) state.take(units, now);
    return new Permit(this.#states, units, now, this.clock, (used) => this.#learn(used));
  }

  #wait(key: string, known: Place | undefined, units: Units, dueAt: number): void {
    if (known !== undefined) {
      known.units = units;
      known.dueAt = dueAt;
      return;
    }
    const place = { units, dueAt };
    for (const state of this.#states) state.join(place);
    this.#waiting.set(key, place);
  }

  #leave(key: string): void {
    const place = this.#waiting.get(key);
    if (place === undefined) return;
    this.#waiting.delete(key);
    for (const state of this.#states) state.leave(place);
  }

  #estimated(estimate: TokenUse): Units {
    const known = unitsOf(estimate);
    const units: Partial<Record<Unit, number>> = { requests: 1 };
    for (const unit of TOKEN_UNITS) units[unit] = known[unit] ?? this.#averages[unit] ?? 0;
    return units;
  }

  #learn(used: Units): void {
    for (const unit of TOKEN_UNITS) {
      const actual = used[unit];
      if (actual === undefined) continue;
      const average = this.#averages[unit];
      this.#averages[unit] = average === undefined ? actual : average + (actual - average) * NEWEST;
    }
  }
}

/** A call's permit: settled exactly once, when the call has ended. */
export class Permit {
  #isSettled = false;

  constructor(
    private readonly states: readonly LimiterState[],
    private readonly taken: Units,
    private readonly startedAt: number,
    private readonly clock: Clock,
    private readonly learn: (used: Units) => void,
  ) {}

  settle({ kind, spent, retryAfterMs }: CallEnd): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const now = this.clock.monotonic();
    const known = unitsOf(spent);
    // A call that failed and reported nothing has used no tokens.
    const used = kind === 'success' ? known : { tokens: 0, inputTokens: 0, outputTokens: 0, ...known };
    if (kind === 'success') this.learn(known);
    for (const state of this.states) {
      state.settle(this.taken, used, now);
      if (kind === 'success') state.countSuccess(this.startedAt, now);
      else if (kind === 'refused') state.countRefusal(this.startedAt, retryAfterMs, now);
    }
  }
}

/** @returns the token units that are known; `tokens` is the sum where it is not given. */
function unitsOf(use: TokenUse): Units {
  const { inputTokens, outputTokens, tokens } = use;
  const known: Partial<Record<Unit, number>> = {};
  if (inputTokens !== undefined) known.inputTokens = inputTokens;
  if (outputTokens !== undefined) known.outputTokens = outputTokens;
  if (tokens !== undefined) known.tokens = tokens;
  else if (inputTokens !== undefined || outputTokens !== undefined)
    known.tokens = (inputTokens ?? 0) + (outputTokens ?? 0);
  return known;
}
