/**
 * `xstate-pipeline`: everything that runs anywhere, the browser included. Nothing reachable from here imports a Node
 * built-in; files are in `xstate-pipeline/node`.
 */

export type { CheckpointSummary, SoundSummary } from './checkpoint/checkpoint-summary.js';
export type { CheckpointCandidate, LoadedCheckpoint } from './checkpoint/choose-checkpoint.js';
export type { Checkpoint, CheckpointSettings } from './checkpoint/envelope.js';
export type { Journal, JournalKey } from './checkpoint/journal/journal.js';
export type { ControlCommand, LockHandlers, SessionLock } from './checkpoint/lock/lock.js';
export type { RecordingLog, RecordingLogOptions } from './checkpoint/recording-log/recording-log.js';
export { StateManager, type StateManagerOptions } from './checkpoint/state-manager.js';
export type { CheckpointStorage, StoredCheckpoint } from './checkpoint/storage.js';
export type { InFlightMarker } from './checkpoint/storages/in-flight-marker.js';
export { memoryStorage } from './checkpoint/storages/memory-storage.js';
export {
  CheckpointNotFoundError,
  CheckpointWriteError,
  ControlError,
  CorruptCheckpointError,
  CorruptJournalError,
  ForkError,
  IllegalCommandError,
  InvalidOptionError,
  MalformedRowError,
  NoOwnerError,
  NoUsableOutputError,
  PipelineCancelledError,
  PipelineError,
  PipelineFileError,
  PipelineMismatchError,
  PoisonBatchError,
  RecordingError,
  RowError,
  SchemaError,
  SessionLockedError,
  SinkError,
  SourceError,
  StageError,
  StageTimeoutError,
  StateDirectoryError,
} from './errors.js';
export type { Command } from './executor/commands.js';
export type { PipelineLike, PipelineOptions } from './executor/definition.js';
export type { SinkLike, SourceLike } from './executor/endpoints.js';
export type { WorkerOptions } from './executor/fusion/workers.js';
export {
  isPipeline,
  type Pipeline,
  type PipelineSteps,
  pipeline,
  type RunOptions,
} from './executor/pipeline.js';
export { PipelineExecutor } from './executor/pipeline-executor.js';
export { type PipelineMachineOptions, pipelineMachine } from './executor/pipeline-machine.js';
export type { CancelReceipt, PauseReceipt } from './executor/receipts.js';
export type { ExecutionResult, LostRow, OutputRows } from './executor/result.js';
export type { ResumeOptions } from './executor/session/stored-session.js';
export type { Json, JsonObject } from './formats/json.js';
export { attachObserver, type PipelineObserver } from './observers/attach.js';
export type {
  ErrorData,
  EventType,
  PipelineEvent,
  PipelineEventOf,
  StageCounters,
  Stamp as EventStamp,
} from './observers/events.js';
export { jsonLines } from './observers/json-lines.js';
export type { RunMetrics } from './observers/metrics.js';
export type { Progress, StageProgress } from './observers/progress/progress.js';
export { type ProgressBar, type ProgressBarOptions, progressBar } from './observers/progress/progress-bar.js';
export type { TerminalStream } from './observers/progress/terminal-block.js';
export { type Clock, type Random, seededRandom, systemClock } from './platform/clock.js';
export type { Environment } from './platform/environment.js';
export type { FileHandle, FileStat, FileSystem, OpenMode } from './platform/file-system.js';
export { consoleLogger, type Logger, silentLogger } from './platform/logger.js';
export type { OpenContext } from './platform/open-context.js';
export type {
  ActorFrame,
  ActorRecord,
  ActorStatus,
  BeginRecord,
  DamagedRecord,
  DefinitionRecord,
  EndRecord,
  EventRecord,
  KeyframeRecord,
  MachineDefinition,
  RecordingRecord,
  RecordingSink,
  RecordType,
  Stamp as RecordStamp,
  StateDefinition,
  StateValue,
  StepRecord,
  TransitionDefinition,
} from './recording/format.js';
export { applyPatch, type Patch } from './recording/patch.js';
export { type FoundRecord, type Frame, type RecordFilter, RecordingReader } from './recording/reader.js';
export { type RecordableActor, Recorder, type RecorderOptions } from './recording/recorder.js';
export type {
  Mark as RecordingMark,
  MarkKind as RecordingMarkKind,
  Point as RecordingPoint,
  RecordingSummary,
} from './recording/summary.js';
export { type CollectSink, collect } from './sinks/collect.js';
export type { EncodedRows, OpenSink, ReadableSink, Sink, SinkPosition } from './sinks/sink.js';
export { type RowsInput, rows } from './sources/rows.js';
export type {
  MalformedPolicy,
  OpenSource,
  RawRows,
  Source,
  SourceBatch,
  SourcePosition,
} from './sources/source.js';
export {
  type BatchStageOptions,
  defineStage,
  filter,
  flatMap,
  map,
  type RowStageOptions,
  type Settled,
  type SettledRowStage,
  type Taken,
} from './stages/define.js';
export type {
  AnyStage,
  BatchStage,
  OnError,
  RetryOptions,
  RowShape,
  RowStage,
  Stage,
  StageContext,
  StageHooks,
  StageOptions,
} from './stages/stage.js';
