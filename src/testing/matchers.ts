/**
 * The assertions as matchers, for `expect.extend(matchers)` of vitest and jest. A matcher is one line in `matchers`, one in
 * `PipelineMatchers`, and an assertion in `assertions.ts`.
 */
import type { ExecutorState } from '../../machines/context.js';
import { messageOf } from '../platform/thrown.js';
import { assertComesBackAs, assertNoSecondInvocation, assertOutput, assertState } from './assertions.js';
import { assertReplays, type RecordedRun, type Replayable } from './replay.js';

/** What a matcher returns. */
export interface MatcherResult {
  readonly pass: boolean;
  /** The text of the failure. */
  readonly message: () => string;
}

/** The matchers' types. Declare them to your runner once:
 * `declare module 'vitest' { interface Matchers<T> extends PipelineMatchers<T> {} }` */
export interface PipelineMatchers<R = unknown> {
  /** For a `TestExecutor` or a `PipelineExecutor`. */
  toBeInState(state: ExecutorState): R;
  /** For a `TestExecutor`: the rows at its sink. Asynchronous. */
  toHaveOutput(rows: readonly unknown[]): Promise<R>;
  /** For a `TestExecutor`: no durable output was computed twice (I8). */
  toHaveNoSecondInvocation(): R;
  /** For a `LoadedSnapshot`. */
  toComeBackAs(state: ExecutorState): R;
  /** For a recorded run (a path, `{ session, stateDir }`, a recorded `TestExecutor`): the current machines take the same steps.
   * Asynchronous. */
  toReplayOn(pipeline: Replayable): Promise<R>;
}

/** For `expect.extend(matchers)`. */
export const matchers = {
  /** See `assertState`. */
  toBeInState: matcher(assertState, 'The executor is in this state.'),
  /** See `assertOutput`. */
  toHaveOutput: asyncMatcher(assertOutput, 'The output is equal.'),
  /** See `assertNoSecondInvocation`. */
  toHaveNoSecondInvocation: matcher(assertNoSecondInvocation, 'No durable stage was invoked again.'),
  /** See `assertReplays`. */
  toReplayOn: asyncMatcher(
    (run: RecordedRun, pipeline: Replayable) => assertReplays(pipeline, run),
    'The machines take the same steps as the recording.',
  ),
  /** See `assertComesBackAs`. */
  toComeBackAs: matcher(assertComesBackAs, 'The snapshot is restored in this state.'),
};

/** @param negated the failure text under `.not`, when the assertion holds. */
function matcher<A extends readonly unknown[]>(
  assertion: (...args: A) => void,
  negated: string,
): (...args: A) => MatcherResult {
  return (...args) => {
    try {
      assertion(...args);
      return { pass: true, message: () => negated };
    } catch (error) {
      return { pass: false, message: () => messageOf(error) };
    }
  };
}

function asyncMatcher<A extends readonly unknown[]>(
  assertion: (...args: A) => Promise<unknown>,
  negated: string,
): (...args: A) => Promise<MatcherResult> {
  return async (...args) => {
    try {
      await assertion(...args);
      return { pass: true, message: () => negated };
    } catch (error) {
      return { pass: false, message: () => messageOf(error) };
    }
  };
}
