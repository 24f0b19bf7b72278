/** How events update the executor's context. Pure: one function for each event. */

import { advanceMark, type ErrorData, type ExecutorContext } from './context.js';
import type { ExecutorEvent, RunDescription } from './executor-events.js';
import { isDrained, placeInWindow } from './guards.js';
import { completed, initialContext, rewindKeepingGoal } from './initial-context.js';
import { reached } from './stage-events.js';

export type EventOf<Type extends ExecutorEvent['type']> = Extract<ExecutorEvent, { type: Type }>;

export type Update<Type extends ExecutorEvent['type']> = (
  context: ExecutorContext,
  event: EventOf<Type>,
) => Partial<ExecutorContext>;

/** @param known the values of absent fields. */
export function onExecute(
  context: ExecutorContext,
  event: EventOf<'execute'>,
  known: RunDescription = context,
): ExecutorContext {
  return initialContext(context.stages, {
    sessionId: event.sessionId ?? known.sessionId,
    pipeline: event.pipeline ?? known.pipeline,
    settings: event.settings ?? known.settings,
    startedAt: event.startedAt ?? known.startedAt,
  });
}

export const onSourceBatches: Update<'source.batches'> = (context, event) => {
  const { batch: first, at } = event;
  const arrived = event.rows.map((rows, i) => ({ batch: first + i, rows, at }));
  return {
    activity: { ...context.activity, reader: event.more === true ? 'reading' : 'idle' },
    next: first + arrived.length,
    window: [...context.window, ...arrived],
    suspects: event.quarantined === true ? null : context.suspects,
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

/** Marks the batches that stages hold. */
export const onStageHeld: Update<'stage.held'> = (context, { batches }) => {
  const window = context.window.slice();
  for (const batch of batches) {
    const place = placeInWindow(context, batch);
    const entry = window[place];
    if (entry !== undefined) window[place] = { ...entry, held: true };
  }
  return { window };
};

/** A pause becomes the goal. The first reason stays. */
export const onHold: Update<'hold'> = ({ activity, pauseReason }, { reason }) => ({
  activity: { ...activity, goal: 'pause' },
  pauseReason: pauseReason ?? reason,
});

/** Resumed in this process: the stages start the batches that they held. */
export const resumeWork = ({ activity, window }: ExecutorContext): Partial<ExecutorContext> => ({
  activity: { ...activity, goal: 'run', committer: 'idle' },
  window: window.map(({ batch, rows, at }) => ({ batch, rows, at })),
  pauseReason: undefined,
});

export const onSinkWritten: Update<'sink.written'> = (context, { upTo, counters }) => ({
  activity: { ...context.activity, writer: 'idle' },
  written: advanceMark(context.written, upTo + 1, counters),
  window: context.window.slice(placeInWindow(context, upTo) + 1),
});

/** The stored session replaces the context: the actor's snapshot may be of any age. */
export const onSessionLoaded: Update<'session.loaded'> = (context, loaded) => {
  const { pipeline, settings, startedAt, flushed, suspects, isCompleted } = loaded;
  const stored = { ...context, pipeline, settings, startedAt, flushed };
  return isCompleted ? completed(stored) : { ...rewindKeepingGoal(stored), suspects };
};

/** The first checkpoint holds the position of a fresh sink, so that a resume finds its file. */
export const onSinkOpened: Update<'sink.opened'> = (context, { sink }) =>
  context.flushed.sink !== null
    ? {}
    : { flushed: { ...context.flushed, sink }, written: { ...context.written, sink } };

/** A commit covers the batches that are written when it begins. */
export const startCommit = ({ activity, written }: ExecutorContext): Partial<ExecutorContext> => ({
  activity: { ...activity, committer: 'flushing', timer: 'running' },
  flushing: written,
});

/** The flush does not cover batches that were written meanwhile. */
export const onSinkFlushed: Update<'sink.flushed'> = (context, { sink, deadLetter, elapsedMs, state }) => ({
  activity: { ...context.activity, committer: 'saving' },
  flushed: {
    ...(context.flushing ?? context.flushed),
    ...{ sink, deadLetter, elapsedMs },
    ...(state === undefined ? {} : { state }),
  },
  flushing: null,
});

export const onCheckpointSaved: Update<'checkpoint.saved'> = (context, { minimumPause = false }) => {
  const { activity, flushed, written, suspects } = context;
  const isWhole = activity.reader === 'ended' && isDrained(context) && flushed.batches === written.batches;
  return {
    activity: {
      ...activity,
      committer: minimumPause ? 'resting' : 'idle',
      publisher: isWhole ? 'ready' : 'idle',
    },
    committed: flushed.batches,
    suspects: flushed.batches > (suspects?.to ?? -1) ? null : suspects,
  };
};

export const onSinkPublished: Update<'sink.published'> = ({ activity }, { delivers }) => ({
  activity: { ...activity, publisher: delivers === true ? 'delivering' : 'published' },
});

/** A commit that began meanwhile is not interrupted. */
export const onMinimumPauseOver: Update<'minimumPause.over'> = ({ activity }) =>
  activity.committer === 'resting' ? { activity: { ...activity, committer: 'idle' } } : {};

/** A run that lost every row fails (I12). */
export const NO_USABLE_OUTPUT: ErrorData = {
  name: 'NoUsableOutputError',
  code: 'NO_USABLE_OUTPUT',
  message: 'The input had rows, and errors left no output for any of them. Nothing was published.',
};
