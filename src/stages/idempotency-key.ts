/**
 * (I8, I26) The same for each invocation for a batch of the same rows: after a retry, a resume, a `kill -9`, in any process
 * or thread.
 * @param inputHash of the batch's rows in the source: other rows give another key
 */
export function idempotencyKeyOf(sessionId: string, stage: string, batch: number, inputHash: string): string {
  return `${sessionId}:${stage}:${batch}:${inputHash}`;
}
