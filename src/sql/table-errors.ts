/** What a database said, as an error of the sink. */
import { isPipelineError, SinkError } from '../errors.js';
import { problemOfQuery } from './connection.js';

export function asSinkError(what: string, error: unknown): Error {
  if (isPipelineError(error)) return error;
  return new SinkError(`Cannot ${what}: ${problemOfQuery(error)}.`, { cause: error });
}
