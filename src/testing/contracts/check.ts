/** Assertions of the contracts. They are based on node:assert, which every test runner knows. */
import { AssertionError, deepStrictEqual, ok, strictEqual } from 'node:assert';
import { codeOf, messageOf } from '../../platform/thrown.js';

/** The same value. */
export const is: (actual: unknown, expected: unknown, message?: string) => void = strictEqual;

/** An equal structure. */
export const same: (actual: unknown, expected: unknown, message?: string) => void = deepStrictEqual;

export { ok };

/** It rejects with an error of this `code`. */
export async function refuses(operation: Promise<unknown>, code: string): Promise<void> {
  const found = await operation.then(
    () => 'no error',
    (error: unknown) => codeOf(error) + (codeOf(error) === code ? '' : `: ${messageOf(error)}`),
  );
  if (found === code) return;
  throw new AssertionError({
    message: `Expected an error with code ${code}, got: ${found}`,
    actual: found,
    expected: code,
    operator: 'refuses',
  });
}
