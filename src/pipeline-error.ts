/** The base of all errors of the product, and how one is recognised from another realm or copy of the package. */
const BRAND: unique symbol = Symbol.for('xstate-pipeline.error');

/** The base of all errors of the product. */
export abstract class PipelineError extends Error {
  /** Stable across releases: compare this, not the message. */
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
  /** @internal */
  get [BRAND](): true {
    return true;
  }
}

/** An error of this product, also from another realm or another copy of the package, where `instanceof` is false. */
export function isPipelineError(value: unknown): value is PipelineError {
  try {
    return (value as { readonly [BRAND]?: unknown } | null | undefined)?.[BRAND] === true;
  } catch {
    return false;
  }
}

/** Whether an error is one of ours with this code, also from another copy of the package. */
export function hasErrorCode(value: unknown, code: string): boolean {
  return isPipelineError(value) && value.code === code;
}
