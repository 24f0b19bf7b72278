/** (I8) The same for a batch that is invoked again: after a retry, a resume, a `kill -9`, in whatever process or thread. */
export function idempotencyKeyOf(sessionId: string, stage: string, batch: number): string {
  return `${sessionId}:${stage}:${batch}`;
}
