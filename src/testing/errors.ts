/** Errors of the testing kit. */
import { PipelineError } from '../errors.js';
import { isObject } from '../formats/json.js';

/** The testing kit is used wrongly: a command to a crashed process, a script for an unknown stage. */
export class TestingError extends PipelineError {
  readonly code = 'TESTING';
}

/** Checks the argument for callers without types.
 * @param given a pipeline, or stages alone. @throws {TestingError} */
export function assertPipeline(given: unknown): void {
  const stages = isObject(given) ? given.stages : given;
  if (Array.isArray(stages)) return;
  throw new TestingError(
    'The first argument is not a pipeline. Give the result of pipeline(…)…to(…), or a list of stages. Check that it is the default export of its file.',
  );
}
