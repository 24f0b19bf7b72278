/** What the executor decides from its context alone: pure, so that each rule can be read, and tested, by itself. */
import type { ExecutorContext } from './context.js';
import { isIsolating } from './poison.js';

/** The source is read while the window has room (I13), and not while pausing (I16). */
export function mayRead(context: ExecutorContext): boolean {
  if (context.flow.reading || context.flow.pausing || context.flow.exhausted) return false;
  if (isIsolating(context)) return context.committed === context.next;
  return context.window.length < context.settings.maxInFlight;
}

/** Batches that may be read at once: what the window has room for (I13), and one alone while any is suspected. */
export function roomToRead({ settings, suspicion, window }: ExecutorContext): number {
  return suspicion === null ? settings.maxInFlight - window.length : 1;
}

/** Only the head of the window is ever written (I4). */
export function mayWrite(context: ExecutorContext, stages: number): boolean {
  return !context.flow.writing && context.window[0]?.at === stages;
}

/** One at a time, and not while rows are being appended: a flush covers exactly what is written (I6). */
export function mayCommit(context: ExecutorContext): boolean {
  return !context.flow.committing && !context.flow.writing && !context.flow.sealed && isCommitWanted(context);
}

/** Everything that was in flight is in sink and checkpoint (I16). */
export function isPauseDone(context: ExecutorContext): boolean {
  const { flow, committed, written } = context;
  const { pausing, committing, publishing } = flow;
  // A publishing under way is awaited: the run is as good as completed.
  return pausing && isDrained(context) && !committing && !publishing && committed === written.batches;
}

/** The input had rows, and errors left no output (I12). */
export function lostEverything({ flow, written }: ExecutorContext): boolean {
  return flow.sealed && written.rowsIn > 0 && written.rowsOut === 0 && written.losses.total > 0;
}

/** Nothing is on its way from the source to the sink. */
export function isDrained(context: ExecutorContext): boolean {
  return context.window.length === 0 && !context.flow.reading && !context.flow.writing;
}

/** Rows, time, the end or a pause ask for a checkpoint, and there is something for it to cover (I6). */
export function isCommitWanted(context: ExecutorContext): boolean {
  const { written, flushed, settings } = context;
  const isDrainedNow = isDrained(context);
  if (context.flow.exhausted && isDrainedNow) return true;
  if (written.batches === flushed.batches) return false;
  const rows = written.rowsIn - flushed.rowsIn;
  const rowsAsk = rows >= settings.checkpointInterval && !context.flow.resting;
  const isDue = context.flow.commitDue || isIsolating(context) || rowsAsk;
  return isDue || (context.flow.pausing && isDrainedNow);
}

/** Where a batch stands in the window, whose batches are consecutive; -1: it is not there. */
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
