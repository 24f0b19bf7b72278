/**
 * The options of a stage, checked before anything runs: a misspelt or impossible option is an error at the definition, not
 * in row 900,000.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ConcurrencyRange } from '../../machines/adaptive-concurrency.js';
import {
  amount,
  callable,
  flag,
  type Infer,
  oneOf,
  optional,
  options,
  readOption,
  readOptions,
  type Shape,
  ShapeError,
  shape,
  whole,
  withDefault,
} from '../formats/shape.js';
import { isLimiter, type Limiter } from '../limits/limiter.js';
import { type Budget, budgetOption } from '../spending/budget.js';
import { isSpending, type Spending } from '../spending/spending.js';
import { cacheOptions } from './cache/cache-options.js';
import type { RetryWhen } from './failures/retry-decision.js';
import type { BatchStage, CheckedRetry, OnError } from './stage.js';

/** Timers hold 31 bits on every platform; a longer delay would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_NAME_LENGTH = 100;
/** Names that a checkpoint cannot hold as a key (I9). */
const HOSTILE_NAMES = ['__proto__', 'constructor', 'prototype'];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const label = shape(
  `a text of 1 to ${MAX_NAME_LENGTH} characters without control characters`,
  (value): value is string =>
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAX_NAME_LENGTH &&
    !CONTROL_CHARACTER.test(value),
);
const stageName = shape(
  `${label.expected}, and no name that JavaScript reserves on every object`,
  (value): value is string => label.fits(value) && !HOSTILE_NAMES.includes(value),
);
const schema = shape(
  'a Standard Schema (zod 3.24+, valibot 1+, arktype 2+ …)',
  (value): value is StandardSchemaV1 => {
    // arktype's schemas are functions, zod's and valibot's objects.
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
    const standard = (value as { readonly '~standard'?: { readonly validate?: unknown } })['~standard'];
    return typeof standard?.validate === 'function';
  },
);
/** Of a stage, and of `pages()`. */
export const limitOption = shape(
  'a limiter, or a list of limiters, made with limiter()',
  (value): value is Limiter | readonly Limiter[] =>
    isLimiter(value) || (Array.isArray(value) && value.every(isLimiter)),
);
/** Default attempts; with `when`, a server's `Retry-After` is honoured. */
const ATTEMPTS = 1;
const ATTEMPTS_WITH_WHEN = 5;

const slots = whole(1);
const range = options({ min: slots, max: slots });
/** Of a stage, and of `tune`. */
export const concurrencyOption: Shape<number | ConcurrencyRange> = {
  expected: 'a whole number from 1, or { min, max }',
  read(value, path) {
    if (typeof value !== 'object' || value === null) return slots.read(value, path);
    const { min, max } = range.read(value, path);
    if (min > max) throw new ShapeError(`${path}.min must be at most ${path}.max`);
    return { min, max };
  },
};
const milliseconds = (from: number) => amount(from, MAX_TIMER_MS, 'milliseconds');

/** For pipelines, too: `onPoison`. */
export const onErrorOption: Shape<OnError> = oneOf(['fail', 'skip', 'dead-letter']);

const estimates = shape(
  'amounts like { usd: 0.01 }, or a function from the rows of a call to amounts',
  (value): value is Spending => typeof value === 'function' || isSpending(value),
);

/** Of a stage, of `pages()` and of `deliver`. */
export const retryOptions = withDefault(
  options({
    attempts: optional(whole(1)),
    initialDelayMs: withDefault(milliseconds(0), 200),
    maxDelayMs: withDefault(milliseconds(0), 30_000),
    factor: withDefault(amount(1), 2),
    jitter: withDefault(flag, true),
    when: optional(callable),
  }),
  { initialDelayMs: 200, maxDelayMs: 30_000, factor: 2, jitter: true },
);
/** Of a stage, of `pages()` and of `deliver`. */
export const timeoutOption = optional(milliseconds(1));

const COMMON = {
  version: withDefault(label, '1'),
  durable: withDefault(flag, false),
  concurrency: withDefault(concurrencyOption, 1),
  rowsPerCall: optional(whole(1)),
  estimate: optional(estimates),
  budget: optional(budgetOption),
  limit: optional(limitOption),
  retry: retryOptions,
  timeoutMs: timeoutOption,
  onError: withDefault(onErrorOption, 'fail'),
  cache: optional(cacheOptions),
  input: optional(schema),
  output: optional(schema),
  hooks: withDefault(
    options({ before: optional(callable), after: optional(callable), onError: optional(callable) }),
    {},
  ),
} as const;

const BATCH_STAGE = options({ name: stageName, process: callable, ...COMMON });
const ROW_STAGE = options({
  ...COMMON,
  rowConcurrency: withDefault(whole(1), 1),
  rowTimeoutMs: optional(milliseconds(1)),
});

/** Options with every default filled in. */
export type CheckedOptions = Pick<
  BatchStage<unknown, unknown>,
  | 'version'
  | 'durable'
  | 'concurrency'
  | 'rowsPerCall'
  | 'adaptive'
  | 'estimate'
  | 'budget'
  | 'limit'
  | 'retry'
  | 'timeoutMs'
  | 'onError'
  | 'hooks'
>;

/** @throws {InvalidOptionError} unless `name` can name a stage in messages, files and checkpoints. */
export function checkName(name: unknown): string {
  return readOption('', "A stage's name", stageName, name);
}

/** @throws {InvalidOptionError} when the stage has no function to run. */
export function checkFunction(stage: string, option: string, value: unknown): void {
  readOption(`Stage "${stage}"`, option, callable, value);
}

/** @throws {InvalidOptionError} at the first option that is unknown or out of range. */
export function checkBatchOptions(stage: string, given: unknown): CheckedOptions {
  return checkedOptions(readOptions(`Stage "${stage}"`, BATCH_STAGE, given));
}

/** @throws {InvalidOptionError} as above. */
export function checkRowOptions(
  stage: string,
  given: unknown,
): CheckedOptions & { readonly rowConcurrency: number; readonly rowTimeoutMs: number | undefined } {
  const checked = readOptions(`Stage "${stage}"`, ROW_STAGE, given);
  const { rowConcurrency, rowTimeoutMs } = checked;
  return { ...checkedOptions(checked), rowConcurrency, rowTimeoutMs };
}

type ReadOptions = Omit<
  CheckedOptions,
  | 'concurrency'
  | 'adaptive'
  | 'hooks'
  | 'timeoutMs'
  | 'retry'
  | 'limit'
  | 'rowsPerCall'
  | 'estimate'
  | 'budget'
> & {
  readonly concurrency: number | ConcurrencyRange;
  readonly limit?: Limiter | readonly Limiter[];
  readonly rowsPerCall?: number | undefined;
  readonly estimate?: unknown;
  readonly budget?: Budget | undefined;
  readonly timeoutMs?: number | undefined;
  readonly hooks: object;
  readonly retry: Infer<typeof retryOptions>;
};

/** Fills in the attempts. */
export function checkedRetry({ when, attempts, ...rest }: Infer<typeof retryOptions>): CheckedRetry {
  return when === undefined
    ? { attempts: attempts ?? ATTEMPTS, ...rest }
    : { attempts: attempts ?? ATTEMPTS_WITH_WHEN, ...rest, when: when as RetryWhen };
}

function checkedOptions(given: ReadOptions): CheckedOptions {
  const { version, durable, concurrency, rowsPerCall, timeoutMs, onError, hooks } = given;
  const estimate = given.estimate as CheckedOptions['estimate'];
  const { budget } = given;
  const limit = Object.freeze([given.limit ?? []].flat());
  const retry = checkedRetry(given.retry);
  const slots =
    typeof concurrency === 'number'
      ? { concurrency, adaptive: undefined }
      : { concurrency: concurrency.max, adaptive: Object.freeze(concurrency) };
  const paid = { rowsPerCall, estimate, budget };
  return { version, durable, ...slots, ...paid, limit, retry, timeoutMs, onError, hooks };
}
