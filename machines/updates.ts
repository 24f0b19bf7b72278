/** What the executor's context becomes by an answer of the world: pure, one function an event. */

import { advanceMark, type ExecutorContext } from './context.js';
import type { ExecutorEvent } from './executor-events.js';
import { isDrained, placeInWindow } from './guards.js';
import { completed, rewind } from './rewind.js';

export type EventOf<Type extends ExecutorEvent['type']> = Extract<ExecutorEvent, { type: Type }>;

export type Update<Type extends ExecutorEvent['type']> = (
  context: ExecutorContext,
  event: EventOf<Type>,
) => Partial<ExecutorContext>;

/** Where batches stand after this: the first stage that has not seen them. */
export const reached = ({ stage, through }: EventOf<'stage.done'>): number => (through ?? stage) + 1;

export const onSourceBatches: Update<'source.batches'> = (context, event) => {
  const { batch: first, at } = event;
  const arrived = event.rows.map((rows, i) => ({ batch: first + i, rows, at }));
  return {
    flow: { ...context.flow, reading: event.more === true },
    next: first + arrived.length,
    window: [...context.window, ...arrived],
    suspicion: event.condemned === true ? null : context.suspicion,
  };
};

export const onStageDone: Update<'stage.done'> = (context, event) => {
  const at = reached(event);
  const window = context.window.slice();
  for (const batch of event.batches) {
    const place = placeInWindow(context, batch);
    const entry = window[place];
    if (entry !== undefined) window[place] = { batch, rows: entry.rows, at };
  }
  return { window };
};

export const onSinkWritten: Update<'sink.written'> = (context, { upTo, facts }) => ({
  flow: { ...context.flow, writing: false },
  written: advanceMark(context.written, upTo + 1, facts),
  window: context.window.slice(placeInWindow(context, upTo) + 1),
});

/** What is stored counts, not what a snapshot of some age says. */
export const onSessionLoaded: Update<'session.loaded'> = (context, loaded) => {
  const { pipeline, settings, startedAt, flushed, suspicion, isCompleted } = loaded;
  const stored = { ...context, pipeline, settings, startedAt, flushed };
  return isCompleted ? completed(stored) : { ...rewind(stored), suspicion };
};

/** A fresh sink has a place of its own: the first checkpoint says which, so that a resume finds it. */
export const onSinkOpened: Update<'sink.opened'> = (context, { sink }) =>
  context.flushed.sink !== null
    ? {}
    : { flushed: { ...context.flushed, sink }, written: { ...context.written, sink } };

/** Batches written while the flush was under way are not covered by it. */
export const onSinkFlushed: Update<'sink.flushed'> = (context, { sink, deadLetter, elapsedMs }) => ({
  flushed: { ...(context.flushing ?? context.flushed), sink, deadLetter, elapsedMs },
  flushing: null,
});

export const onCheckpointSaved: Update<'checkpoint.saved'> = (context, { resting = false }) => {
  const { flow, flushed, written, suspicion } = context;
  const sealed = flow.exhausted && isDrained(context) && flushed.batches === written.batches;
  return {
    flow: { ...flow, committing: false, sealed, resting },
    committed: flushed.batches,
    suspicion: flushed.batches > (suspicion?.to ?? -1) ? null : suspicion,
  };
};
