/**
 * Schemas at a stage's doors. Guarantees pinned here, for zod, valibot and arktype alike:
 * - transforms apply; a row that does not fit fails alone, by its index;
 * - the error names door, stage and path, and never the value;
 * - validation may be asynchronous.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { SchemaError } from '../../src/errors.js';
import { type AttemptResult, newAttemptMemory, runAttempt } from '../../src/stages/attempt.js';
import { defineStage, filter, flatMap, map } from '../../src/stages/define.js';
import { contextFor } from './support.js';

interface Review {
  readonly user: { readonly age: number };
}
const libraries: [string, StandardSchemaV1<Review, Review>][] = [
  ['zod', z.object({ user: z.object({ age: z.number().max(150) }) })],
  ['valibot', v.object({ user: v.object({ age: v.pipe(v.number(), v.maxValue(150)) }) })],
  ['arktype', type({ user: { age: 'number <= 150' } })],
];
const good: Review = { user: { age: 7 } };
const skip = { onError: 'skip' } as const;
const messages = (result: AttemptResult | Promise<AttemptResult>) =>
  (result as AttemptResult).failures.map((failure) => String(failure.error));

describe.each(libraries)('%s', (_, schema) => {
  test.each([
    ['a text', { user: { age: 's3cret-value' } }, 's3cret'],
    ['a number out of range', { user: { age: 98_765 } }, '98765'],
  ])('%s that does not fit: the message has path and expectation, not the value', (_, bad, secret) => {
    const stage = map('label', (row: Review) => row.user.age, { ...skip, input: schema });
    const result = runAttempt(stage, [good, bad, good], contextFor()) as AttemptResult;
    expect(result.rows).toEqual([7, 7]);
    expect(result.failures).toEqual([{ index: 1, row: bad, error: expect.any(SchemaError) }]);
    const [message] = messages(result);
    expect(message).toContain('A row does not fit the input schema of stage "label" at user.age: ');
    expect(message).toMatch(/number|150/i);
    expect(message).not.toContain(secret);
    expect(message).not.toContain('\n');
  });

  test('a row that is no object', () => {
    const stage = defineStage({ name: 's', input: schema, process: (rows) => rows });
    const result = runAttempt(stage, ['s3cret', good], contextFor()) as AttemptResult;
    expect(result).toMatchObject({ rows: [good], failures: [{ index: 0, row: 's3cret' }] });
    expect(messages(result)[0]).toMatch(/input schema of stage "s": .*got a text\.$/);
    expect(messages(result)[0]).not.toContain('s3cret');
  });
});

const toNumber = z.object({ n: z.string().transform(Number) });

test('transforms apply on the way in and on the way out', () => {
  const input = { input: toNumber };
  expect(
    runAttempt(
      map('m', (row: { n: number }) => row.n + 1, input),
      [{ n: '4' }],
      contextFor(),
    ),
  ).toMatchObject({
    rows: [5],
  });
  expect(
    runAttempt(
      filter('f', (row) => row.n > 4, input),
      [{ n: '4' }, { n: '5' }],
      contextFor(),
    ),
  ).toMatchObject({
    rows: [{ n: 5 }],
  });
  const output = z.number().transform((n) => `#${n}`);
  expect(
    runAttempt(
      flatMap('fm', (n: number) => [n, n], { output }),
      [1],
      contextFor(),
    ),
  ).toMatchObject({
    rows: ['#1', '#1'],
  });
  expect(
    runAttempt(defineStage({ name: 'b', output, process: (rows: number[]) => rows }), [1], contextFor()),
  ).toMatchObject({ rows: ['#1'] });
});

test('asynchronous schemas are awaited, at input and output', async () => {
  const input = z.number().refine(async (n) => n > 1);
  const output = z.number().refine(async (n) => n < 40);
  const options = { ...skip, input, output };
  for (const stage of [
    map('m', (n: number) => n * 10, options),
    flatMap('fm', async (n: number) => [n * 10], options),
    defineStage({ name: 'b', process: (rows: number[]) => rows.map((n) => n * 10), ...options }),
  ]) {
    const result = await runAttempt(stage, [1, 2, 3, 4], contextFor());
    expect(result.rows, stage.name).toEqual([20, 30]);
    expect(result.failures.length, stage.name).toBe(2);
    expect(String(result.failures[1]?.error)).toContain(`output schema of stage "${stage.name}"`);
  }
});

test('one misfit among the rows of a flatMap fails the row that they came from', () => {
  const stage = flatMap('fm', (n: number) => [n, n * 10], { ...skip, output: z.number().max(20) });
  expect(runAttempt(stage, [1, 2, 3], contextFor())).toMatchObject({
    rows: [1, 10, 2, 20],
    failures: [{ index: 2, row: 3 }],
  });
});

test('a batch stage sees the rows that fit, with failures by their place in the batch; at the output by their place in the answer', () => {
  const seen: number[][] = [];
  const stage = defineStage({
    name: 'b',
    ...skip,
    input: z.number(),
    output: z.number().max(99),
    process: (rows) => {
      seen.push(rows.slice());
      return rows.map((n) => n * 10);
    },
  });
  const result = runAttempt(stage, ['x', 1, 'y', 100], contextFor()) as AttemptResult;
  expect(seen).toEqual([[1, 100]]);
  expect(result.rows).toEqual([10]);
  expect(result.failures.map(({ index, row }) => [index, row])).toEqual([
    [0, 'x'],
    [2, 'y'],
    [1, 1000],
  ]);
});

test('a batch stage is not called when no row fits', () => {
  const process = () => {
    throw new Error('called');
  };
  const stage = defineStage({ name: 'b', input: z.number(), process });
  expect((runAttempt(stage, ['x'], contextFor()) as AttemptResult).failures).toHaveLength(1);
});

test('misfits at the input do not make the stage run again; misfits at the output do', () => {
  let calls = 0;
  const process = (rows: number[]) => rows.map((n) => n * ++calls);
  const attempts = (options: object, rows: unknown[]) => {
    calls = 0;
    const memory = newAttemptMemory();
    const stage = defineStage({ name: 'b', process, retry: { attempts: 2 }, ...options });
    runAttempt(stage, rows, contextFor(), memory);
    return runAttempt(stage, rows, contextFor({ attempt: 2 }), memory);
  };
  expect(attempts({ input: z.number() }, ['x', 5])).toMatchObject({ rows: [5], failures: [{ index: 0 }] });
  expect(calls).toBe(1);
  expect(attempts({ output: z.number().min(2) }, [1])).toEqual({ rows: [2], failures: [] });
  expect(calls).toBe(2);
});

test('a schema’s message is clipped, on one line, and without the value', () => {
  const input = z
    .string()
    .refine(() => false, { error: ({ input }) => `bad "${input}"\n${'x'.repeat(500)}` });
  const result = runAttempt(
    map('m', (row: string) => row, { ...skip, input }),
    ['tok-12345'],
    contextFor(),
  );
  const [message] = messages(result);
  expect(message).toContain('bad … xxx');
  expect(message?.length).toBeLessThan(320);
  expect(message).not.toMatch(/tok-12345|\n/);
});

test('paths into arrays, and more issues than one', () => {
  const input = z.object({ a: z.array(z.object({ b: z.string() })), c: z.number() });
  const result = runAttempt(
    map('m', (row: unknown) => row, { ...skip, input }),
    [{ a: [{ b: 1 }] }],
    contextFor(),
  );
  expect(messages(result)[0]).toMatch(/ at a\[0\]\.b: .*expected string; got a number \(and 1 more\)\.$/);
});

test('a schema that throws fails the row with what it threw', () => {
  const error = new Error('broken schema');
  const input: StandardSchemaV1<number, number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate() {
        throw error;
      },
    },
  };
  const result = runAttempt(
    map('m', (row: number) => row, { ...skip, input }),
    [1],
    contextFor(),
  );
  expect((result as AttemptResult).failures).toEqual([{ index: 0, row: 1, error }]);
});
