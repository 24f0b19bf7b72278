/** What a database said, as an error of the sink. */
import { PipelineError, SinkError } from '../errors.js';
import { problemOfQuery } from './connection.js';

export function asSinkError(what: string, error: unknown): Error {
  if (error instanceof PipelineError) return error;
  return new SinkError(`Cannot ${what}: ${problemOfQuery(error)}.`, { cause: error });
}
