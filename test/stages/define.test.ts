/**
 * Making stages. Guarantees pinned here:
 * - every wrong option is an InvalidOptionError in one line that names stage and option, and never tells the value;
 * - defaults are the documented ones; a stage cannot be changed after it was made.
 */
import { describe, expect, test } from 'vitest';
import { InvalidOptionError } from '../../src/errors.js';
import { defineStage, filter, flatMap, map } from '../../src/stages/define.js';

const process = (rows: number[]) => rows;
const define = (options: object) => defineStage({ name: 'classify', process, ...options } as never);

/** The message of the InvalidOptionError that `make` throws. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('options', () => {
  test('that are not given have the documented defaults', () => {
    expect(defineStage({ name: 's', process })).toMatchObject({
      kind: 'batch',
      name: 's',
      version: '1',
      durable: false,
      concurrency: 1,
      retry: { attempts: 1, initialDelayMs: 200, maxDelayMs: 30_000, factor: 2, jitter: true },
      timeoutMs: undefined,
      onError: 'fail',
      input: undefined,
      output: undefined,
      hooks: {},
    });
    expect(map('m', (row: number) => row)).toMatchObject({ kind: 'row', shape: 'map', rowConcurrency: 1 });
    expect(filter('f', (row: number) => row > 1)).toMatchObject({ kind: 'row', shape: 'filter' });
    expect(flatMap('fm', (row: number) => [row])).toMatchObject({ kind: 'row', shape: 'flatMap' });
  });

  test('that are given are kept', () => {
    const hooks = { before: () => {} };
    const retry = { attempts: 4, initialDelayMs: 0, maxDelayMs: 5, factor: 1.5, jitter: false };
    const options = {
      version: '2024-a',
      durable: true,
      concurrency: 8,
      retry,
      timeoutMs: 60_000,
      onError: 'skip',
      hooks,
    };
    expect(define(options)).toMatchObject(options);
    expect(map('m', (row: number) => row, { rowConcurrency: 16 }).rowConcurrency).toBe(16);
  });

  test.each<[string, object, string]>([
    ['concurrency', { concurrency: 0 }, 'concurrency must be a whole number from 1; got zero'],
    ['concurrency', { concurrency: 2.5 }, 'got a fraction'],
    ['concurrency', { concurrency: Number.POSITIVE_INFINITY }, 'got an infinite number'],
    ['concurrency', { concurrency: '8' }, 'got a text'],
    ['durable', { durable: 'yes' }, 'durable must be true or false; got a text'],
    ['version', { version: 2 }, 'version must be a text'],
    ['version', { version: '' }, 'got an empty text'],
    ['onError', { onError: 'ignore' }, "onError must be 'fail', 'skip' or 'dead-letter'; got a text"],
    ['timeoutMs', { timeoutMs: 0 }, 'timeoutMs must be milliseconds from 1'],
    ['timeoutMs', { timeoutMs: 3_000_000_000 }, 'to 2147483647'],
    ['retry', { retry: 3 }, 'retry must be an object; got a number'],
    ['retry.attempts', { retry: { attempts: 0 } }, 'retry.attempts must be a whole number from 1'],
    ['retry.factor', { retry: { factor: 0.5 } }, 'retry.factor must be a number from 1; got a fraction'],
    ['retry.initialDelayMs', { retry: { initialDelayMs: -1 } }, 'got a negative number'],
    ['retry.maxDelayMs', { retry: { maxDelayMs: Number.NaN } }, 'got NaN'],
    ['retry.jitter', { retry: { jitter: 1 } }, 'retry.jitter must be true or false'],
    [
      'retry.delay',
      { retry: { delay: 1 } },
      'unknown option "delay" in retry; known: attempts, initialDelayMs',
    ],
    ['hooks', { hooks: [] }, 'hooks must be an object; got an array'],
    ['hooks.before', { hooks: { before: 'x' } }, 'hooks.before must be a function; got a text'],
    ['hooks.finally', { hooks: { finally: () => {} } }, 'unknown option "finally" in hooks'],
    ['input', { input: { type: 'object' } }, 'input must be a Standard Schema'],
    [
      'output',
      { output: null },
      'output must be a Standard Schema (zod 3.24+, valibot 1+, arktype 2+ …); got null',
    ],
    ['process', { process: undefined }, 'process must be a function; got undefined'],
    ['concurency', { concurency: 8 }, 'unknown option "concurency"; known: name, process, version'],
    ['rowConcurrency of a batch stage', { rowConcurrency: 8 }, 'unknown option "rowConcurrency"'],
  ])('%s is refused: %o', (_, options, expected) => {
    const message = refusal(() => define(options));
    expect(message).toContain('Stage "classify": ');
    expect(message).toContain(expected);
    expect(message).not.toContain('\n');
  });

  test('are refused without quoting the value', () => {
    expect(refusal(() => define({ version: 's3cret\n' }))).not.toContain('s3cret');
    expect(refusal(() => define({ onError: 's3cret' }))).not.toContain('s3cret');
    expect(refusal(() => defineStage({ name: 's3cret\u0007', process }))).not.toContain('s3cret');
  });

  test('that are undefined count as not given', () => {
    const nothing = {
      version: undefined,
      retry: undefined,
      timeoutMs: undefined,
      input: undefined,
      hooks: undefined,
    };
    expect(define(nothing)).toMatchObject({ version: '1', timeoutMs: undefined });
  });
});

test.each([[''], ['  '], ['a\nb'], ['x'.repeat(101)], [undefined], [7], ['__proto__'], ['constructor']])(
  'a stage cannot be named %o',
  (name) => {
    expect(refusal(() => map(name as string, (row: number) => row))).toContain("A stage's name must be");
    expect(refusal(() => defineStage({ name: name as string, process }))).toContain("A stage's name must be");
  },
);

test('a row stage without a function, or with options that are no object, is refused', () => {
  expect(refusal(() => map('m', undefined as never))).toBe(
    'Stage "m": the function of map must be a function; got undefined.',
  );
  expect(refusal(() => filter('f', (row: number) => row > 1, 5 as never))).toContain(
    'options must be an object',
  );
  expect(refusal(() => defineStage(undefined as never))).toContain("A stage's name");
});

test('a stage is frozen, so that its fingerprint stays right', () => {
  const stage = map('m', (row: number) => row);
  expect(() => Object.assign(stage, { version: '2' })).toThrow(TypeError);
});

test('process keeps its own this', () => {
  const stage = defineStage({
    name: 'sums',
    process(rows: number[]) {
      return rows.map((row) => row + this.name.length);
    },
  });
  expect(stage.process([1], undefined as never)).toEqual([5]);
});
