/**
 * Back to the last durable point (I18): whatever was in flight is forgotten, the next batch read is the first that the
 * sink does not hold. Used by a new run after a failure, by `cancel`, and by the restore of a snapshot.
 */
import type { ExecutorContext } from './context.js';

/** Nothing is in flight, under way, or over. */
export const AT_REST = {
  window: [],
  flow: {
    reading: false,
    writing: false,
    committing: false,
    commitDue: false,
    resting: false,
    pausing: false,
    exhausted: false,
    sealed: false,
    publishing: false,
    published: false,
  },
  flushing: null,
  error: null,
  suspicion: null,
} as const satisfies Partial<ExecutorContext>;

/** All that can be said of a run that has completed. */
export function completed(context: ExecutorContext): ExecutorContext {
  const done = rewind(context);
  const flow = { ...done.flow, exhausted: true, sealed: true, publishing: true, published: true };
  return { ...done, flow };
}

/** Forgets whatever was in flight: the context of a run that goes on from its last durable mark. */
export function rewind(context: ExecutorContext): ExecutorContext {
  const { flushed } = context;
  return { ...context, ...AT_REST, next: flushed.batches, written: flushed, committed: flushed.batches };
}
