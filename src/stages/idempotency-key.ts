import { sha256 } from '#sha256';

/**
 * (I8, I26) The same for each invocation for a batch of the same rows: after a retry, a resume, a `kill -9`, in any process
 * or thread.
 * @param batch its index; where it is cut into calls, with the index of the call: `7:0`
 * @param inputHash of the batch's rows in the source, or of the rows that the call received: other rows give another key
 */
export function idempotencyKeyOf(
  sessionId: string,
  stage: string,
  batch: number | string,
  inputHash: string,
): string {
  return `${sessionId}:${stage}:${batch}:${inputHash}`;
}

/** (I26) The key for some of the rows of a batch: a service that deduplicates must not answer with what it was asked before.
 * @param key for all rows. @param indexes of the rows, ascending */
export function keyOfSome(key: string, indexes: readonly number[]): string {
  return `${key}:${sha256(indexes.join()).slice(0, 16)}`;
}
