import {
  type ExecutorContext,
  type ExecutorOutput,
  type ExecutorSettings,
  emptyCheckpointMark,
} from './context.js';
import type { ExecutorInput } from './executor-events.js';
import { AT_REST } from './rewind.js';

const DEFAULT_SETTINGS: ExecutorSettings = { maxInFlight: 2, checkpointInterval: 500, maxDeaths: 3 };

/** Before anything has been read. */
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

/** What a completed run puts out, unless told otherwise. */
export function outputOf(context: ExecutorContext): ExecutorOutput {
  const { sessionId, flushed } = context;
  const isComplete = flushed.losses.total === 0;
  return { sessionId, success: true, isComplete, mark: flushed };
}
