/** The test runner of a contract: vitest, node:test, jest, mocha or any other with `describe` and `it`. */
import { TestingError } from '../errors.js';

/** The two functions of a test runner that a contract needs. */
export interface TestRunner {
  /** Names a group of tests. */
  readonly describe: (name: string, body: () => void) => unknown;
  /** Declares a test. */
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** @param given what the caller passed. Default: the runner's globals.
 * @throws {TestingError} if there are none. */
export function runnerOf(given: TestRunner | undefined): TestRunner {
  if (given !== undefined) return given;
  const { describe, it } = globalThis as Partial<TestRunner>;
  if (typeof describe !== 'function' || typeof it !== 'function')
    throw new TestingError(
      'A contract needs a test runner. Pass one: import { describe, it } from "node:test" (or "vitest"), and pass { describe, it } as the last argument.',
    );
  return { describe, it };
}
