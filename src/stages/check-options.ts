/**
 * Checks the options of a stage before anything runs, so that a misspelt or impossible one is an error with a name and
 * not a surprise in row 900,000.
 *
 * A message names the stage, the option, the kind of what was got and what is expected; never the value itself.
 */
import { InvalidOptionError } from '../errors.js';
import type { OnError, RetryOptions, StageHooks } from './stage.js';

/** Timers of every platform hold 31 bits; a longer delay would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;
const MAX_NAME_LENGTH = 100;
const ON_ERROR: readonly OnError[] = ['fail', 'skip', 'dead-letter'];
/** Names that a checkpoint could not carry as a key (I9). */
const HOSTILE_NAMES = ['__proto__', 'constructor', 'prototype'];

const COMMON = [
  'version',
  'durable',
  'concurrency',
  'retry',
  'timeoutMs',
  'onError',
  'input',
  'output',
  'hooks',
];
export const BATCH_OPTIONS: readonly string[] = ['name', 'process', ...COMMON];
export const ROW_OPTIONS: readonly string[] = [...COMMON, 'rowConcurrency'];
const RETRY_OPTIONS = ['attempts', 'initialDelayMs', 'maxDelayMs', 'factor', 'jitter'];
const HOOKS = ['before', 'after', 'onError'];

/** Options with every default filled in. */
export interface CheckedOptions {
  readonly version: string;
  readonly durable: boolean;
  readonly concurrency: number;
  readonly retry: Required<RetryOptions>;
  readonly timeoutMs: number | undefined;
  readonly onError: OnError;
  readonly hooks: StageHooks;
  readonly rowConcurrency: number;
}

/** @throws {InvalidOptionError} unless `name` can name a stage in messages, files and checkpoints. */
export function checkName(name: unknown): string {
  const expected = `a text of 1 to ${MAX_NAME_LENGTH} characters without control characters`;
  if (typeof name !== 'string')
    throw new InvalidOptionError(`A stage's name must be ${expected}; got ${kindOf(name)}.`);
  const problem =
    textProblem(name) ??
    (HOSTILE_NAMES.includes(name) ? 'a name that JavaScript reserves on every object' : undefined);
  if (problem !== undefined)
    throw new InvalidOptionError(`A stage's name must be ${expected}; got ${problem}.`);
  return name;
}

/** @throws {InvalidOptionError} when the stage has no function to run. */
export function checkFunction(stage: string, option: string, value: unknown): void {
  if (typeof value !== 'function') fail(stage, option, 'a function', value);
}

/** @param allowed the options this kind of stage has.
 * @throws {InvalidOptionError} at the first option that is unknown or out of range. */
export function checkOptions(stage: string, given: unknown, allowed: readonly string[]): CheckedOptions {
  const options = checkObject(stage, 'options', given, allowed);
  const { version, durable, onError } = options;
  if (version !== undefined && (typeof version !== 'string' || textProblem(version) !== undefined)) {
    fail(
      stage,
      'version',
      `a text of 1 to ${MAX_NAME_LENGTH} characters without control characters`,
      version,
    );
  }
  if (onError !== undefined && !ON_ERROR.includes(onError as OnError)) {
    fail(stage, 'onError', "'fail', 'skip' or 'dead-letter'", onError);
  }
  checkSchema(stage, 'input', options.input);
  checkSchema(stage, 'output', options.output);
  return {
    version: (version as string | undefined) ?? '1',
    durable: checkFlag(stage, 'durable', durable, false),
    concurrency: checkCount(stage, 'concurrency', options.concurrency),
    retry: checkRetry(stage, options.retry),
    timeoutMs:
      options.timeoutMs === undefined
        ? undefined
        : checkNumber(stage, 'timeoutMs', options.timeoutMs, 1, MAX_TIMER_MS, 0),
    onError: (onError as OnError | undefined) ?? 'fail',
    hooks: checkHooks(stage, options.hooks),
    rowConcurrency: checkCount(stage, 'rowConcurrency', options.rowConcurrency),
  };
}

function checkRetry(stage: string, given: unknown): Required<RetryOptions> {
  const retry = checkObject(stage, 'retry', given, RETRY_OPTIONS);
  return {
    attempts: checkCount(stage, 'retry.attempts', retry.attempts),
    initialDelayMs: checkNumber(stage, 'retry.initialDelayMs', retry.initialDelayMs, 0, MAX_TIMER_MS, 200),
    maxDelayMs: checkNumber(stage, 'retry.maxDelayMs', retry.maxDelayMs, 0, MAX_TIMER_MS, 30_000),
    factor: checkNumber(stage, 'retry.factor', retry.factor, 1, Number.MAX_VALUE, 2),
    jitter: checkFlag(stage, 'retry.jitter', retry.jitter, true),
  };
}

function checkHooks(stage: string, given: unknown): StageHooks {
  const hooks = checkObject(stage, 'hooks', given, HOOKS);
  for (const hook of HOOKS) {
    if (hooks[hook] !== undefined) checkFunction(stage, `hooks.${hook}`, hooks[hook]);
  }
  return hooks;
}

function checkSchema(stage: string, option: string, value: unknown): void {
  if (value === undefined) return;
  // arktype's schemas are functions, zod's and valibot's objects.
  const holder = typeof value === 'object' || typeof value === 'function' ? value : null;
  const standard = (holder as { readonly '~standard'?: { readonly validate?: unknown } } | null)?.[
    '~standard'
  ];
  if (typeof standard?.validate !== 'function') {
    fail(stage, option, 'a Standard Schema (zod 3.24+, valibot 1+, arktype 2+ …)', value);
  }
}

function checkObject(
  stage: string,
  option: string,
  value: unknown,
  allowed: readonly string[],
): { readonly [option: string]: unknown } {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail(stage, option, 'an object', value);
  for (const key of Object.keys(value)) {
    if (allowed.includes(key)) continue;
    const what = option === 'options' ? '' : ` in ${option}`;
    const shown = JSON.stringify(key.slice(0, 40));
    throw new InvalidOptionError(
      `Stage "${stage}": unknown option ${shown}${what}; known: ${allowed.join(', ')}.`,
    );
  }
  return { ...value };
}

function checkCount(stage: string, option: string, value: unknown): number {
  if (value === undefined) return 1;
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    fail(stage, option, 'a whole number from 1', value);
  return value as number;
}

function checkNumber(
  stage: string,
  option: string,
  value: unknown,
  least: number,
  most: number,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    fail(
      stage,
      option,
      most === MAX_TIMER_MS ? `milliseconds from ${least} to ${most}` : `a number from ${least}`,
      value,
    );
  }
  return value;
}

function checkFlag(stage: string, option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') fail(stage, option, 'true or false', value);
  return value;
}

function textProblem(text: string): string | undefined {
  if (text.trim() === '') return 'an empty text';
  if (text.length > MAX_NAME_LENGTH) return 'a longer text';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text) ? 'a text with control characters' : undefined;
}

function fail(stage: string, option: string, expected: string, got: unknown): never {
  throw new InvalidOptionError(`Stage "${stage}": ${option} must be ${expected}; got ${kindOf(got)}.`);
}

/** What sort of thing a value is, without telling the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'object':
      return typeof (value as { readonly then?: unknown }).then === 'function' ? 'a promise' : 'an object';
    case 'number':
      return kindOfNumber(value);
    case 'string':
      return value === '' ? 'an empty text' : 'a text';
    case 'boolean':
      return 'true or false';
    default:
      return `a ${typeof value}`;
  }
}

function kindOfNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return 'an infinite number';
  if (value === 0) return 'zero';
  if (value < 0) return 'a negative number';
  if (!Number.isInteger(value)) return 'a fraction';
  return 'a number';
}
