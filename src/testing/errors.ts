/** What the testing kit throws when it is used wrongly, or when a pipeline does not keep a promise. */
import { PipelineError } from '../errors.js';
import { isObject } from '../formats/json.js';

/** A test asks for what cannot be: a command to a process that has crashed, a script for a stage that is not there. */
export class TestingError extends PipelineError {
  readonly code = 'TESTING';
}

/** JavaScript, or an import that is not there, may give anything.
 * @param given a pipeline, or stages alone. @throws {TestingError} */
export function assertPipeline(given: unknown): void {
  const stages = isObject(given) ? given.stages : given;
  if (Array.isArray(stages)) return;
  throw new TestingError(
    'That is no pipeline: give what pipeline(…)…to(…) gives, or a list of stages. Is it the default export of its file?',
  );
}
