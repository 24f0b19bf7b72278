/** Assertions of the contracts. They are based on node:assert, which every test runner knows. */
import { AssertionError, deepStrictEqual, ok, strictEqual } from 'node:assert';
import { codeOf, messageOf } from '../../platform/thrown.js';

/** The same value. */
export const is: (actual: unknown, expected: unknown, message?: string) => void = strictEqual;

/** An equal structure. */
export const same: (actual: unknown, expected: unknown, message?: string) => void = deepStrictEqual;

export { ok };

/** It rejects with an error of one of these codes. */
export async function refuses(operation: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  const found = await operation.then(
    () => 'no error',
    (error: unknown) => `${codeOf(error)}: ${messageOf(error)}`,
  );
  if (codes.some((code) => found.startsWith(`${code}: `))) return;
  const expected = codes.join(' or ');
  throw new AssertionError({
    message: `Expected an error with code ${expected}, got: ${found}`,
    actual: found,
    expected,
    operator: 'refuses',
  });
}
