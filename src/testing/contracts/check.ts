/** Assertions of the contracts, over node:assert, so that every runner shows them as its own. */
import { AssertionError, deepStrictEqual, ok, strictEqual } from 'node:assert';
import { codeOf, messageOf } from '../../errors.js';

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
    message: `It should be refused with an error whose code is ${code}; it came to: ${found}`,
    actual: found,
    expected: code,
    operator: 'refuses',
  });
}
