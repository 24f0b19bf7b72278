/**
 * `xstate-pipeline/testing`: for tests of your own pipelines, sources, sinks and storages, under any test runner. For Node.
 */

export type { OutputDiff } from './history/diff/diff-sessions.js';
export type { RowDiff, RowDifference } from './history/diff/row-diff.js';
export type { RecordingPlace, StoredSessionPlace } from './history/open-recording.js';
export type { Difference } from './history/replay/compare.js';
export type { Divergence, Outcome } from './history/replay/divergence.js';
export type { ReplayResult } from './history/replay/replay.js';
export type { Moment } from './history/snapshot-at.js';
export {
  assertComesBackAs,
  assertNoSecondInvocation,
  assertOutput,
  assertRepeatable,
  assertState,
  type HasState,
} from './testing/assertions.js';
export { type JournalHome, journalContract } from './testing/contracts/journal.js';
export type { TestRunner } from './testing/contracts/runner.js';
export { type SinkFixture, sinkContract } from './testing/contracts/sink.js';
export { MALFORMED, type SourceFixture, sourceContract } from './testing/contracts/source.js';
export { storageContract } from './testing/contracts/storage.js';
export { type CrashEverywhereOptions, crashEverywhere } from './testing/crash/crash-everywhere.js';
export { type CrashPoint, type CrashReport, CrashTestError } from './testing/crash/crash-report.js';
export { type CrashTestOptions, crashTest } from './testing/crash/crash-test.js';
export type { FailureManner, Operation, OperationKind } from './testing/disk/operations.js';
export { SimulatedDisk, type SimulatedDiskOptions } from './testing/disk/simulated-disk.js';
export { TestingError } from './testing/errors.js';
export type { Unrepeatable } from './testing/executor/call-twice.js';
export type { CrashOptions, TestExecutorOptions } from './testing/executor/options.js';
export type { Invocation } from './testing/executor/scripted-stages.js';
export {
  fail,
  type StageAnswer,
  type StageOutcome,
  type StageScript,
  stall,
  succeed,
  timeout,
} from './testing/executor/stage-outcomes.js';
export { createTestExecutor, TestExecutor } from './testing/executor/test-executor.js';
export {
  type LoadedSnapshot,
  type LoadSnapshotOptions,
  loadSnapshot,
  readSnapshot,
} from './testing/load-snapshot.js';
export { type ManualClock, manualClock } from './testing/manual-clock.js';
export { type MatcherResult, matchers, type PipelineMatchers } from './testing/matchers.js';
export { type ModelPath, modelPaths } from './testing/model/model-paths.js';
export {
  assertReplays,
  type RecordedRun,
  type Replayable,
  replay,
} from './testing/replay.js';
export { type ReplayedRecording, replayAll } from './testing/replay-all.js';
export { type RerunOptions, type RerunResult, rerun } from './testing/rerun.js';
export { type RecordedSnapshotAt, snapshotAt } from './testing/snapshot-at.js';
