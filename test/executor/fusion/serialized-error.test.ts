/** Errors of worker threads arrive as they were: name, code, message, stack and cause. */
import { expect, test } from 'vitest';
import { isPipelineError, SinkError } from '../../../src/errors.js';
import { deserializeError, serializeError } from '../../../src/executor/fusion/serialized-error.js';
import { endsTheRun } from '../../../src/executor/rows/row-errors.js';

const sent = (thrown: unknown) => deserializeError(structuredClone(serializeError(thrown)));

test('an error with a code and a cause', () => {
  const cause = Object.assign(new RangeError('too far'), { code: 'E_FAR' });
  const error = sent(new Error('outer', { cause }));
  expect(error).toMatchObject({ name: 'Error', message: 'outer' });
  expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR' });
  expect((error.cause as Error).stack).toBe(cause.stack);
});

test('an error of the product is one again, and ends the run if the original does', () => {
  const error = sent(new SinkError('out.jsonl: row 3', { cause: new Error('BigInt') }));
  expect(error).toMatchObject({ name: 'SinkError', code: 'SINK', message: 'out.jsonl: row 3' });
  expect(error.cause).toMatchObject({ message: 'BigInt' });
  expect(isPipelineError(error)).toBe(true);
  expect(endsTheRun(error)).toBe(true);
});

test('a TypeError of a stage’s function is a TypeError, and does not end the run', () => {
  const error = sent(new TypeError('x is not a function'));
  expect(error.name).toBe('TypeError');
  expect(endsTheRun(error)).toBe(false);
});

test.each([['text'], [undefined], [{ code: '429', message: 'rate limited' }], [Symbol('s')]])(
  'anything thrown: %o',
  (thrown) => {
    expect(sent(thrown)).toBeInstanceOf(Error);
  },
);

test('a cycle of causes is cut', () => {
  const error: Error = new Error('round');
  error.cause = error;
  expect(sent(error).message).toBe('round');
});
