/**
 * Rate limits of a service, shared by all stages of a process that are given the same limiter.
 *
 * 1. Time is the run's clock (I14): state is kept for each clock, so that a test with a clock of its own shares nothing.
 * 2. Calls wait in a line, first come first served (`LimiterState`).
 * 3. A limiter changes no result: it is not part of a stage's fingerprint, and may differ at a resume.
 */
import { InvalidOptionError } from '../errors.js';
import { readOptions, shape } from '../formats/shape.js';
import type { Clock } from '../platform/clock.js';
import { LimiterState } from './limiter-state.js';
import { type Rate, type RateOptions, rateOf, rateOptions, UNITS, type Unit } from './rate.js';

/** What `limiter()` limits; at least one. Tokens are counted by what the stage reports with `context.spend`. */
export interface LimiterOptions {
  /** Calls. */
  readonly requests?: RateOptions;
  /** Input and output tokens together. */
  readonly tokens?: RateOptions;
  readonly inputTokens?: RateOptions;
  readonly outputTokens?: RateOptions;
}

/** Made by `limiter()`; given to stages as `limit`. */
export interface Limiter {
  /** In events, charts and `tune`. */
  readonly name: string;
  /** What it limits now, defaults filled in. */
  readonly rates: { readonly [K in keyof LimiterOptions]: Required<RateOptions> };
}

const MAX_NAME_LENGTH = 100;
const limiterName = shape(
  `a text of 1 to ${MAX_NAME_LENGTH} characters`,
  (value): value is string =>
    typeof value === 'string' && value.trim() !== '' && value.length <= MAX_NAME_LENGTH,
);

class SharedLimiter implements Limiter {
  readonly #states = new WeakMap<Clock, LimiterState>();
  #rates: Readonly<Partial<Record<Unit, Rate>>>;

  constructor(
    readonly name: string,
    options: unknown,
  ) {
    this.#rates = readRates(name, options);
  }

  get rates() {
    return this.#rates;
  }

  /** The state on this clock. */
  stateOn(clock: Clock): LimiterState {
    let state = this.#states.get(clock);
    if (state === undefined) {
      state = new LimiterState(this.name, this.#rates, clock.monotonic());
      this.#states.set(clock, state);
    }
    return state;
  }

  /** Changes the rates that are named, for this clock and for runs to come. */
  changeRates(options: unknown, clock: Clock): void {
    this.#rates = { ...this.#rates, ...readRates(this.name, options) };
    this.stateOn(clock).changeRates(this.#rates, clock.monotonic());
  }
}

function readRates(name: string, options: unknown): Partial<Record<Unit, Rate>> {
  const of = `Limiter "${name}"`;
  const given = readOptions(of, rateOptions, options);
  const rates: Partial<Record<Unit, Rate>> = {};
  for (const unit of UNITS) {
    const rate = given[unit];
    if (rate !== undefined) rates[unit] = rateOf(rate);
  }
  if (Object.keys(rates).length === 0)
    throw new InvalidOptionError(`${of} limits nothing. Give it at least one of: ${UNITS.join(', ')}.`);
  return rates;
}

/**
 * Makes a limiter. Give it to all stages that call the service, in all pipelines of the process: they share its rates, and one
 * answer 429 makes all of them wait.
 * @param name 1 to 100 characters; unique within a pipeline
 * @throws {InvalidOptionError}
 * @example
 * const openai = limiter('openai', {
 *   requests: { limit: 600, perMs: 60_000 },
 *   tokens: { limit: 90_000, perMs: 60_000 },
 * });
 * defineStage({ name: 'classify', limit: openai, concurrency: 16, process });
 */
export function limiter(name: string, options: LimiterOptions): Limiter {
  if (!limiterName.fits(name))
    throw new InvalidOptionError(`A limiter's name must be ${limiterName.expected}.`);
  return new SharedLimiter(name, options);
}

/** Whether it was made by `limiter()`, of this copy of the package or another. */
export function isLimiter(value: unknown): value is Limiter {
  if (typeof value !== 'object' || value === null) return false;
  const { name, stateOn } = value as Partial<SharedLimiter>;
  return typeof name === 'string' && typeof stateOn === 'function';
}

/** The state of a limiter on a clock. */
export const stateOf = (given: Limiter, clock: Clock): LimiterState =>
  (given as SharedLimiter).stateOn(clock);

/** @throws {InvalidOptionError} */
export function assertLimiterOptions(name: string, options: unknown): void {
  readRates(name, options);
}

/** Changes some rates of a limiter while it is in use; what a refusal taught it is forgotten.
 * @throws {InvalidOptionError} */
export function changeLimiter(given: Limiter, options: LimiterOptions, clock: Clock): void {
  (given as SharedLimiter).changeRates(options, clock);
}
