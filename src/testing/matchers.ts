/**
 * The assertions as matchers, for `expect.extend(matchers)` of vitest and jest. One line here, one in `PipelineMatchers`, and
 * an assertion in `assertions.ts`: that is a matcher.
 */
import type { ExecutorState } from '../../machines/context.js';
import { messageOf } from '../errors.js';
import { assertComesBackAs, assertNoSecondInvocation, assertOutput, assertState } from './assertions.js';
import { assertReplays, type RecordedRun, type Replayable } from './replay.js';

/** What a matcher answers. */
export interface MatcherResult {
  readonly pass: boolean;
  /** What is wrong, where something is. */
  readonly message: () => string;
}

/** The matchers' types, to be told to your runner once:
 * `declare module 'vitest' { interface Matchers<T> extends PipelineMatchers<T> {} }` */
export interface PipelineMatchers<R = unknown> {
  /** Of a `TestExecutor` or a `PipelineExecutor`. */
  toBeInState(state: ExecutorState): R;
  /** Of a `TestExecutor`: the rows at its sink. Asynchronous. */
  toHaveOutput(rows: readonly unknown[]): Promise<R>;
  /** Of a `TestExecutor`: nothing durable was computed twice (I8). */
  toHaveNoSecondInvocation(): R;
  /** Of what `loadSnapshot` gave. */
  toComeBackAs(state: ExecutorState): R;
  /** Of a recorded run (a path, `{ session, stateDir }`, a recorded `TestExecutor`): the machines of today take the same way
   * through it. Asynchronous. */
  toReplayOn(pipeline: Replayable): Promise<R>;
}

/** For `expect.extend(matchers)`. */
export const matchers = {
  /** See `assertState`. */
  toBeInState: matcher(assertState, 'The executor is in this state.'),
  /** See `assertOutput`. */
  toHaveOutput: asyncMatcher(assertOutput, 'The output is this.'),
  /** See `assertNoSecondInvocation`. */
  toHaveNoSecondInvocation: matcher(assertNoSecondInvocation, 'No durable batch was invoked again.'),
  /** See `assertReplays`. */
  toReplayOn: asyncMatcher(
    (run: RecordedRun, pipeline: Replayable) => assertReplays(pipeline, run),
    'The machines take the same way through the recording.',
  ),
  /** See `assertComesBackAs`. */
  toComeBackAs: matcher(assertComesBackAs, 'The snapshot comes back in this state.'),
};

/** @param negated what is wrong when the assertion holds, under `.not`. */
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
