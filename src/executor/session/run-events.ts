/** The events at the beginning of a run, for observers and for the machine. */
import type { ExecutorContext } from '../../../machines/context.js';
import type { ExecutorEvent } from '../../../machines/executor-events.js';
import type { EventDraft } from '../publish.js';
import type { Session } from './opening/session.js';
import type { StoredSession } from './opening/stored-session.js';

export function startedEvent(context: ExecutorContext, session: Session, resumed: boolean): EventDraft {
  const { pipeline, stages, flushed: mark } = context;
  const total = session.parts?.source.total;
  return {
    ...{ type: 'pipeline.started', pipeline, stages, resumed, fromBatch: mark.batches },
    ...{ rowsIn: mark.rowsIn, rowsOut: mark.rowsOut, done: mark.done },
    ...(total === undefined ? {} : { total }),
    ...(mark.batches === 0 ? {} : { counters: mark.stages }),
  };
}

export function resumedEvent({ flushed }: ExecutorContext): EventDraft {
  return { type: 'pipeline.resumed', fromBatch: flushed.batches };
}

/** The stored session replaces the machine's context. */
export function loadedEvent({ snapshot, isCompleted }: StoredSession): ExecutorEvent {
  const { pipeline, settings, startedAt, flushed, suspects } = snapshot.context;
  return { type: 'session.loaded', pipeline, settings, startedAt, flushed, suspects, isCompleted };
}
