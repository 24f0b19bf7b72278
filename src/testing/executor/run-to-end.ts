/** Runs the session of a test executor to its end, and reads what it wrote. */
import { messageOf } from '../../platform/thrown.js';
import type { TestExecutor } from './test-executor.js';

/** Longer than any backoff, and than any timeout that a test would have. Milliseconds. */
export const LONG_MS = 60 * 60 * 1_000;

/** A run that has not ended after so many waits of `LONG_MS` does not end. */
const MAX_WAITS = 1_000;

/** Works until the run has ended, or its process has lost its disk. @returns whether it has. */
export async function workToEnd(test: TestExecutor<unknown>): Promise<boolean> {
  await test.settle();
  for (let waits = 0; test.state === 'EXECUTING' && waits < MAX_WAITS; waits++) await test.advance(LONG_MS);
  return test.state !== 'EXECUTING';
}

/** Executes, or resumes what is stored, to the end.
 * @returns why it did not complete; undefined: it did. */
export async function finishSession(test: TestExecutor<unknown>): Promise<string | undefined> {
  const stored = test.checkpoint()?.storedState;
  // It was killed after its end was stored.
  if (stored === 'COMPLETED') return undefined;
  const run = stored === undefined ? test.execute() : test.resume();
  const failure = run.then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  const isEnded = await workToEnd(test);
  if (!isEnded || test.state === 'INITIALIZING') return `the run does not end: it is ${test.state}`;
  const verb = stored === undefined ? 'run' : 'resume';
  return test.state === 'COMPLETED' ? undefined : `the ${verb} ended in ${test.state}: ${await failure}`;
}

/** Bytes if there is a file, else rows; undefined for a sink that cannot be read back. */
export async function outputOf(test: TestExecutor<unknown>): Promise<unknown> {
  const path = test.outputPath;
  if (path !== undefined) return test.text(path);
  return test.canReadOutput ? test.output() : undefined;
}
