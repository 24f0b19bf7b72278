/** Assertions for any test runner. Each throws an `AssertionError` with the expected and the actual value. */
import { AssertionError, deepStrictEqual } from 'node:assert';
import type { ExecutorState } from '../../machines/context.js';
import type { PipelineEvent } from '../observers/events.js';
import type { TestExecutor } from './executor/test-executor.js';
import type { LoadedSnapshot } from './load-snapshot.js';

/** An object with a state: a `TestExecutor` or a `PipelineExecutor`. */
export interface HasState {
  readonly state: ExecutorState;
  /** Events of a `TestExecutor`, which tell why it failed. */
  readonly events?: readonly PipelineEvent[];
}

/**
 * Asserts that the executor is in this state. @throws {AssertionError}
 * @example
 * assertState(test, 'COMPLETED');
 */
export function assertState(executor: HasState, state: ExecutorState): void {
  if (executor.state === state) return;
  const failure = executor.state === 'FAILED' ? executor.events?.findLast(isFailure) : undefined;
  const why = failure === undefined ? '.' : `: ${failure.error.message}`;
  const message = `The executor is ${executor.state}, not ${state}${why}`;
  throw new AssertionError({ message, actual: executor.state, expected: state, operator: 'assertState' });
}

const isFailure = (event: PipelineEvent) => event.type === 'pipeline.failed';

/**
 * Asserts that the rows at the pipeline's sink are these, in this order. @throws {AssertionError}
 * @example
 * await assertOutput(test, [{ id: 1 }, { id: 2 }]);
 */
export async function assertOutput<T>(test: TestExecutor<T>, rows: readonly unknown[]): Promise<void> {
  deepStrictEqual(await test.output(), rows);
}

/** No durable stage was invoked for a batch whose output had been announced as durable: nothing was paid for twice (I8).
 * @throws {AssertionError}
 * @example
 * assertNoSecondInvocation(test);
 */
export function assertNoSecondInvocation(
  test: Pick<TestExecutor, 'secondInvocations' | 'durableStages'>,
): void {
  const { secondInvocations, durableStages } = test;
  // Without a durable stage the assertion could never fail.
  if (durableStages.length === 0)
    throw new AssertionError({
      message: 'The pipeline has no durable stage, so that this assertion checks nothing. Set durable: true.',
      operator: 'assertNoSecondInvocation',
    });
  if (secondInvocations.length === 0) return;
  const list = secondInvocations.map(
    ({ stage, batch, process }) => `${stage} ${batch} by process ${process}`,
  );
  const message = `Durable stages were invoked again: ${list.join(', ')}.`;
  throw new AssertionError({ message, actual: list, expected: [], operator: 'assertNoSecondInvocation' });
}

/**
 * Asserts that a stored snapshot is restored in this state, whatever state it was stored in. @throws {AssertionError}
 * @example
 * assertComesBackAs(await loadSnapshot('checkpoint.json', reviews.stages), 'PAUSED');
 */
export function assertComesBackAs({ snapshot, storedState }: LoadedSnapshot, state: ExecutorState): void {
  if (snapshot.value === state) return;
  const message = `The snapshot, stored in ${storedState}, is restored in ${snapshot.value}, not in ${state}.`;
  throw new AssertionError({
    ...{ message, actual: snapshot.value, expected: state },
    operator: 'assertComesBackAs',
  });
}

/** Asserts that every stage gave the same rows in both calls of each attempt, and left its rows unchanged. Needs a
 * `TestExecutor` with the option `twice`. @throws {AssertionError} that names stages and batches. */
export function assertRepeatable({ unrepeatable }: Pick<TestExecutor, 'unrepeatable'>): void {
  if (unrepeatable.length === 0) return;
  const list = unrepeatable.map(
    ({ stage, batch, problem }) => `stage "${stage}" ${problem} (batch ${batch})`,
  );
  const message = `${[...new Set(list)].join('; ')}. A crash or a retry calls a stage again: it must give the same rows.`;
  throw new AssertionError({ message, actual: list, expected: [], operator: 'assertRepeatable' });
}
