/** What the testing kit throws when it is used wrongly, or when a pipeline does not keep a promise. */
import { PipelineError } from '../errors.js';

/** A test asks for what cannot be: a command to a process that has crashed, a script for a stage that is not there. */
export class TestingError extends PipelineError {
  readonly code = 'TESTING';
}
