/** Assertions for any test runner: each throws an `AssertionError` that says what was expected and what was found. */
import { AssertionError, deepStrictEqual } from 'node:assert';
import type { ExecutorState } from '../../machines/context.js';
import type { PipelineEvent } from '../observers/events.js';
import type { TestExecutor } from './executor/test-executor.js';
import type { LoadedSnapshot } from './load-snapshot.js';

/** Whatever has a state: a `TestExecutor`, a `PipelineExecutor`. */
export interface HasState {
  readonly state: ExecutorState;
  /** Those of a `TestExecutor` say why it failed. */
  readonly events?: readonly PipelineEvent[];
}

/** The executor is in this state. @throws {AssertionError} */
export function assertState(executor: HasState, state: ExecutorState): void {
  if (executor.state === state) return;
  const failure = executor.state === 'FAILED' ? executor.events?.findLast(isFailure) : undefined;
  const why = failure === undefined ? '.' : `: ${failure.error.message}`;
  const message = `The executor is ${executor.state}, not ${state}${why}`;
  throw new AssertionError({ message, actual: executor.state, expected: state, operator: 'assertState' });
}

const isFailure = (event: PipelineEvent) => event.type === 'pipeline.failed';

/** The rows at the pipeline's sink are these, in this order. @throws {AssertionError} */
export async function assertOutput<T>(test: TestExecutor<T>, rows: readonly unknown[]): Promise<void> {
  deepStrictEqual(await test.output(), rows);
}

/** No durable stage was invoked for a batch whose output had been announced as durable: nothing was paid for twice (I8).
 * @throws {AssertionError} */
export function assertNoSecondInvocation(test: Pick<TestExecutor, 'secondInvocations'>): void {
  const { secondInvocations } = test;
  if (secondInvocations.length === 0) return;
  const list = secondInvocations.map(
    ({ stage, batch, process }) => `${stage} ${batch} by process ${process}`,
  );
  const message = `Durable batches were given to their stage again: ${list.join(', ')}.`;
  throw new AssertionError({ message, actual: list, expected: [], operator: 'assertNoSecondInvocation' });
}

/** A stored snapshot comes back in this state, whatever state it was stored in. @throws {AssertionError} */
export function assertComesBackAs({ snapshot, storedState }: LoadedSnapshot, state: ExecutorState): void {
  if (snapshot.value === state) return;
  const message = `The snapshot, stored in ${storedState}, comes back as ${snapshot.value}, not as ${state}.`;
  throw new AssertionError({
    ...{ message, actual: snapshot.value, expected: state },
    operator: 'assertComesBackAs',
  });
}
