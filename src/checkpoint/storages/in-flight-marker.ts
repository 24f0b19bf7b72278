/**
 * Which batch a process took in last, told before it is worked on, so that after its death it is known what was in flight.
 * Written in place and without fsync: the end of the process does not lose it, and power loss is no batch's doing.
 */
export interface InFlightMarker {
  /** What the process that was here before took in last; undefined: nothing, or nothing is known. */
  readonly before: { readonly epoch: number; readonly batch: number } | undefined;
  /** Notes the batch that is taken in next. */
  writeMarker(epoch: number, batch: number): Promise<void>;
  /** Frees the file; what was noted stays. */
  close(): Promise<void>;
}
