/** Makes the stage that `fold` and `distinct` return. */
import { StageError } from '../../errors.js';
import { checkBatchOptions, checkName } from '../../stages/check-options.js';
import type { BatchStage, Keyed, OnError } from '../../stages/stage.js';
import { type KeyedRuntime, openKeyedStages } from '../rows/rows.js';

const runtime: KeyedRuntime = { openKeyedStages };

/** Options that `fold` and `distinct` share. */
export interface KeyedOptions {
  /** Part of the fingerprint: change it when the functions' results change. Default '1'. */
  readonly version?: string;
  /** What happens to a row whose function throws. The state stays as it was before the row. Default 'fail'. */
  readonly onError?: OnError;
}

/** @param given `version` and `onError`, if they are given. @throws {InvalidOptionError} */
export function keyedStage<T>(
  givenName: unknown,
  functions: Omit<Keyed, 'runtime'>,
  given: object,
): BatchStage<T, T> {
  const name = checkName(givenName);
  const process = (): never => {
    throw new StageError(`Stage "${name}" keeps state by key: only a pipeline can run it.`);
  };
  const options = checkBatchOptions(name, { ...given, name, process });
  const keyed: Keyed = { ...functions, runtime };
  const schemas = { input: undefined, output: undefined };
  return Object.freeze({ kind: 'batch', name, ...options, ...schemas, process, keyed });
}
