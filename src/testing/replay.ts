/** A recorded run as a test: the current machines must take the same steps. */
import { AssertionError } from 'node:assert';
import { openRecording, type RecordingPlace } from '../history/open-recording.js';
import { type ReplayResult, replayRecording } from '../history/replay/replay.js';
import type { AnyStage } from '../stages/stage.js';
import { assertPipeline } from './errors.js';
import type { TestExecutor } from './executor/test-executor.js';
import { STATE_DIRECTORY } from './executor/test-process.js';

/** A pipeline, or its stages alone, in order. */
export type Replayable = { readonly stages: readonly AnyStage[] } | readonly AnyStage[];

/** A recording's place, or a recorded `TestExecutor` (`test.executor.record()`). */
export type RecordedRun = RecordingPlace | Pick<TestExecutor, 'sessionId' | 'disk'>;

/** Runs the recorded events through the current machines, as pure transitions. No stage is called.
 * @param run path of a recording (file, folder, session's folder), its bytes, `{ session, stateDir }`, or a `TestExecutor`.
 * @returns whether every step is the same, and the first step that differs.
 * @throws {RecordingError} when there is no recording.
 * @example
 * const { ok, text } = await replay(reviews, { session: id }); */
export async function replay(pipeline: Replayable, run: RecordedRun): Promise<ReplayResult> {
  assertPipeline(pipeline);
  const stages = 'stages' in pipeline ? pipeline.stages : pipeline;
  return replayRecording(stages, await openRecording(recordingPlaceOf(run)));
}

/**
 * As `replay`, for any test runner. @throws {AssertionError} that shows the first step that differs.
 * @example
 * await assertReplays(reviews, 'fixtures/reviews.recording.jsonl');
 */
export async function assertReplays(pipeline: Replayable, run: RecordedRun): Promise<ReplayResult> {
  const result = await replay(pipeline, run);
  if (result.ok) return result;
  const { text: message, divergence } = result;
  const { expected, got } = divergence ?? {};
  throw new AssertionError({ message, expected, actual: got, operator: 'assertReplays' });
}

/** The place of a run's recording. */
export function recordingPlaceOf(run: RecordedRun): RecordingPlace {
  if (typeof run !== 'object' || !('disk' in run)) return run;
  return { session: run.sessionId ?? '', stateDir: STATE_DIRECTORY, fileSystem: run.disk };
}
