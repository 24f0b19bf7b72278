import { LazyAbort } from '../../../stages/attempt-context.js';
import type { CompletionActor } from '../completion-batcher.js';
import { FIRST_MS, type WatchedAttempt } from '../stall-watch.js';

/** The part of a stage actor that attempts need. */
export type StageActor = CompletionActor & {
  send(event: {
    readonly type:
      | 'attempt.failed'
      | 'attempt.timedOut'
      | 'attempt.deferred'
      | 'attempt.held'
      | 'retry.due'
      | 'overloaded'
      | 'calls.succeeded';
    readonly batch: number;
    readonly [field: string]: unknown;
  }): void;
};

/** An attempt under way. */
export class RunningAttempt extends LazyAbort implements WatchedAttempt {
  stopTimer: (() => void) | undefined;
  /** It is asynchronous, and no call of it is watched by itself. */
  isWatched = false;
  nextReportMs = FIRST_MS;
  /** Where its work is cut into calls: milliseconds in them, added up, and with at least one. Waits between them are no part. */
  calls: { readonly busyMs: number; readonly activeMs: number } | undefined;

  constructor(
    readonly actor: StageActor,
    readonly stageIndex: number,
    readonly batch: number,
    readonly attempt: number,
    readonly startedAt: number,
  ) {
    super();
  }
}

/** A call of an attempt, as it is watched. */
export class WatchedCall implements WatchedAttempt {
  nextReportMs = FIRST_MS;

  constructor(
    readonly of: RunningAttempt,
    readonly startedAt: number,
  ) {}
}
