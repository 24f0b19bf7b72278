import { field, nameOf } from '../platform/thrown.js';

/** What a source's `read` rejects with to pause the run (I16): no row is lost, and a resume reads again. */
export class SourcePause extends Error {
  override readonly name = 'SourcePause';
  /** @param advice what to do before a resume */
  constructor(
    message: string,
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** By shape: a source may come from another copy of the package. */
export function isSourcePause(error: unknown): error is SourcePause {
  return nameOf(error) === 'SourcePause' && typeof field(error, 'advice') === 'string';
}
