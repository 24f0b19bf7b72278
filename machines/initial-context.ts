/** The executor's context before a run, and rewound to the last durable point. */
import {
  type ExecutorContext,
  type ExecutorOutput,
  type ExecutorSettings,
  emptyCheckpointMark,
} from './context.js';
import type { ExecutorInput } from './executor-events.js';

const DEFAULT_SETTINGS: ExecutorSettings = { maxInFlight: 2, checkpointInterval: 500, maxCrashes: 3 };

/** Nothing is in flight. */
const AT_REST = {
  window: [],
  activity: {
    reader: 'idle',
    writer: 'idle',
    committer: 'idle',
    publisher: 'idle',
    timer: 'running',
    goal: 'run',
    origin: 'run',
  },
  flushing: null,
  error: null,
  pauseReason: undefined,
  suspects: null,
} as const satisfies Partial<ExecutorContext>;

/** The context before the first read. */
export function initialContext(stages: readonly string[], run: ExecutorInput): ExecutorContext {
  const mark = emptyCheckpointMark(stages);
  return {
    sessionId: run.sessionId ?? '',
    pipeline: run.pipeline ?? '',
    stages,
    settings: run.settings ?? DEFAULT_SETTINGS,
    startedAt: run.startedAt ?? 0,
    ...AT_REST,
    next: 0,
    written: mark,
    flushed: mark,
    committed: 0,
  };
}

/** Back to the last durable point (I18): batches in flight are dropped, and the next batch is the first that the sink does
 * not hold. For a new run after a failure, a cancel, and the restore of a snapshot. */
export function rewind(context: ExecutorContext): ExecutorContext {
  const { flushed } = context;
  return { ...context, ...AT_REST, next: flushed.batches, written: flushed, committed: flushed.batches };
}

/** The same, while a run opens: a pause requested meanwhile stays the goal. */
export function rewindKeepingGoal(context: ExecutorContext): ExecutorContext {
  const { activity, pauseReason } = context;
  const rewound = rewind(context);
  const { goal } = activity;
  const isPausing = goal === 'pause';
  return {
    ...rewound,
    activity: { ...rewound.activity, goal },
    pauseReason: isPausing ? pauseReason : undefined,
  };
}

/** For a restored snapshot: suspects of a crash remain, and a requested pause, unless this is its `resume`. */
export function rewindRestored(context: ExecutorContext, isResumed: boolean): ExecutorContext {
  return { ...(isResumed ? rewind(context) : rewindKeepingGoal(context)), suspects: context.suspects };
}

/** The context of a completed run, from its last durable point. */
export function completed(context: ExecutorContext): ExecutorContext {
  const done = rewind(context);
  return { ...done, activity: { ...done.activity, reader: 'ended', publisher: 'published' } };
}

/** The output of a completed run, unless the machine's options give another. */
export function outputOf(context: ExecutorContext): ExecutorOutput {
  const { sessionId, flushed } = context;
  const isComplete = flushed.losses.total === 0;
  return { sessionId, success: true, isComplete, mark: flushed };
}
