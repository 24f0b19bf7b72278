/**
 * The batch that a process enqueued last, written before the batch is processed. After a crash it tells what was in flight.
 * Written in place and without fsync: the end of a process does not lose it, and no batch causes a power loss.
 */
export interface InFlightMarker {
  /** What the previous process enqueued last; undefined: nothing, or unknown. */
  readonly before: { readonly epoch: number; readonly batch: number } | undefined;
  /** Records the batch that is enqueued next. */
  writeMarker(epoch: number, batch: number): Promise<void>;
  /** Closes the file. The marker stays. */
  close(): Promise<void>;
}
