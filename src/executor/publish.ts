import type { PipelineEvent } from '../observers/events.js';

type WithoutStamp<E> = E extends unknown ? Omit<E, 'sessionId' | 'at'> : never;

/** An event before the run stamps it with session and time. */
export type EventDraft = WithoutStamp<PipelineEvent>;

/** The event. Two kinds are nearly all there are, and are written out: a spread costs ten times as much (V8 11.3). */
export function stamped(sessionId: string, now: number, draft: EventDraft): PipelineEvent {
  const at = Math.round(now);
  switch (draft.type) {
    case 'batch.started': {
      const { type, stage, batch, attempt } = draft;
      return { sessionId, at, type, stage, batch, attempt };
    }
    case 'batch.completed': {
      const { type, stage, batch, rowsIn, rowsOut, durable, attempt, durationMs, fromJournal } = draft;
      return {
        sessionId,
        at,
        type,
        stage,
        batch,
        rowsIn,
        rowsOut,
        durable,
        attempt,
        durationMs,
        fromJournal,
      };
    }
    default:
      return { sessionId, at, ...draft } as PipelineEvent;
  }
}
