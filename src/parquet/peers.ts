/** The optional packages that read and write Parquet, loaded when a file is opened. */
import type { PipelineError } from '../errors.js';
import { codeOf } from '../platform/thrown.js';

type Failure = new (message: string, options?: ErrorOptions) => PipelineError;

/** @throws {SourceError | SinkError} if the package is not installed. */
export function loadReader(Failed: Failure): Promise<typeof import('hyparquet')> {
  return load(import('hyparquet'), 'hyparquet', Failed);
}

/** @throws {SinkError} if the package is not installed. */
export function loadWriter(Failed: Failure): Promise<typeof import('hyparquet-writer')> {
  return load(import('hyparquet-writer'), 'hyparquet hyparquet-writer', Failed);
}

async function load<M>(loading: Promise<M>, packages: string, Failed: Failure): Promise<M> {
  try {
    return await loading;
  } catch (cause) {
    if (!/MODULE_NOT_FOUND/.test(codeOf(cause))) throw cause;
    throw new Failed(`parquet() needs a package that is not installed: npm install ${packages}`, { cause });
  }
}
