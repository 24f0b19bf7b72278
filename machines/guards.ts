/** The executor's decisions: pure functions of its context, one for each rule. */
import type { ExecutorContext } from './context.js';
import type { ExecutorEvent } from './executor-events.js';
import { isIsolating } from './poison.js';
import { reached } from './stage-events.js';

/** The source is read while the window has room (I13), and not while pausing (I16). */
export function mayRead(context: ExecutorContext): boolean {
  const { reader, goal } = context.activity;
  if (reader !== 'idle' || goal === 'pause') return false;
  if (isIsolating(context)) return context.committed === context.next;
  return context.window.length < context.settings.maxInFlight;
}

/** How many batches to request: the window's room (I13); one while there are poison suspects. */
export function roomToRead({ settings, suspects, window }: ExecutorContext): number {
  return suspects === null ? settings.maxInFlight - window.length : 1;
}

/** Only the head of the window is written (I4). */
export function mayWrite(context: ExecutorContext, stages: number): boolean {
  return context.activity.writer === 'idle' && context.window[0]?.at === stages;
}

/** One commit at a time, and not while rows are appended: a flush covers exactly what is written (I6). */
export function mayCommit(context: ExecutorContext, stages: number): boolean {
  const { writer, publisher } = context.activity;
  const isFree = !isCommitting(context) && writer === 'idle' && publisher === 'idle';
  return isFree && isCommitWanted(context, stages);
}

/** Everything is committed, and the goal is no pause. */
export function mayPublish({ activity }: ExecutorContext): boolean {
  return activity.publisher === 'ready' && activity.goal === 'run';
}

/** Every batch in flight is committed, or held, or finished behind a held one (I16). Publishing and a delivery under way are awaited:
 * they complete the run. */
export function isPauseDone(context: ExecutorContext, stages: number): boolean {
  const { activity, committed, written } = context;
  const { goal, publisher } = activity;
  if (goal !== 'pause' || publisher === 'publishing' || publisher === 'delivering') return false;
  return isAtRest(context, stages) && !isCommitting(context) && committed === written.batches;
}

/** No work is under way, and nothing more can be written: the window has only held batches and finished ones behind them. */
function isAtRest({ window, activity }: ExecutorContext, stages: number): boolean {
  if (activity.reader === 'reading' || activity.writer !== 'idle' || window[0]?.at === stages) return false;
  return window.every(({ at, held }) => held === true || at === stages);
}

/** The input had rows, and errors lost all of them (I12). Without output because of a filter, a run completes. */
export function lostEverything({ activity, written }: ExecutorContext): boolean {
  const { rowsIn, rowsOut, losses, stages } = written;
  if (activity.publisher !== 'ready' || rowsIn === 0 || rowsOut > 0 || losses.total === 0) return false;
  return stages.every((stage) => stage.rowsIn <= stage.rowsOut + stage.skipped + stage.deadLettered);
}

/** No batch is between the source and the sink. */
export function isDrained({ window, activity }: ExecutorContext): boolean {
  return window.length === 0 && activity.reader !== 'reading' && activity.writer === 'idle';
}

function isCommitting({ activity: { committer } }: ExecutorContext): boolean {
  return committer === 'flushing' || committer === 'saving';
}

/** A commit is due by rows, time, the end or a pause, and has something to cover (I6). */
function isCommitWanted(context: ExecutorContext, stages: number): boolean {
  const { activity, written, flushed, settings } = context;
  if (activity.reader === 'ended' && isDrained(context)) return true;
  if (written.batches === flushed.batches) return false;
  if (activity.timer === 'due' || isIsolating(context)) return true;
  const rows = written.rowsIn - flushed.rowsIn;
  if (rows >= settings.checkpointInterval && activity.committer !== 'resting') return true;
  return activity.goal === 'pause' && isAtRest(context, stages);
}

/** Index of a batch in the window, whose batches are consecutive; -1: not in the window. */
export function placeInWindow({ window }: ExecutorContext, batch: number): number {
  const place = batch - (window[0]?.batch ?? 0);
  return window[place]?.batch === batch ? place : -1;
}

/** The last of the consecutive finished batches at the head of the window. */
export function lastReady(context: ExecutorContext, end: number): number {
  let last = -1;
  for (const entry of context.window) {
    if (entry.at !== end) break;
    last = entry.batch;
  }
  return last;
}

interface Args {
  readonly context: ExecutorContext;
  readonly event: ExecutorEvent;
}

const areInWindow = (context: ExecutorContext, batches: readonly number[]): boolean =>
  batches.every((batch) => placeInWindow(context, batch) >= 0);

/** The guards of the executor machine.
 * @param end the number of stages. */
export function executorGuards(end: number) {
  return {
    isStoredAsCompleted: ({ event }: Args) => event.type === 'session.loaded' && event.isCompleted,
    isRestored: ({ context }: Args) => context.activity.origin === 'snapshot',
    isFinished: ({ context }: Args) => context.activity.publisher === 'published',
    isPauseDone: ({ context }: Args) => isPauseDone(context, end),
    lostEverything: ({ context }: Args) => lostEverything(context),
    mayPublish: ({ context }: Args) => mayPublish(context),
    mayWrite: ({ context }: Args) => mayWrite(context, end),
    mayRead: ({ context }: Args) => mayRead(context),
    mayCommit: ({ context }: Args) => mayCommit(context, end),
    isInWindow: ({ context, event }: Args) =>
      event.type === 'stage.done' && areInWindow(context, event.batches),
    startsAtStage: ({ event }: Args) =>
      event.type === 'source.batches' && event.rows.length > 0 && event.at < end,
    hasNextStage: ({ event }: Args) => event.type === 'stage.done' && reached(event) < end,
    /** Fused stages did the work of several stages, but not of the last. */
    passedSome: ({ event }: Args) =>
      event.type === 'stage.done' && reached(event) > event.stage + 1 && reached(event) < end,
    passedTheRest: ({ context, event }: Args) =>
      event.type === 'stage.done' && reached(event) > event.stage + 1 && areInWindow(context, event.batches),
  };
}
