/**
 * `xstate-pipeline`: what an author of pipelines uses, in Node and in browsers. Nothing reachable from here imports a Node
 * built-in. Files are in `xstate-pipeline/node`, storage ports in `/storage`, recordings in `/recording`.
 */

export type { ConcurrencyRange } from '../machines/adaptive-concurrency.js';
export type { ExecutorState } from '../machines/context.js';
export type { CheckpointSummary, SoundSummary } from './checkpoint/checkpoint-summary.js';
export { type CheckpointRhythm, StateManager, type StateManagerOptions } from './checkpoint/state-manager.js';
export { memoryStorage } from './checkpoint/storages/memory-storage.js';
export {
  CheckpointNotFoundError,
  CheckpointWriteError,
  ControlError,
  CorruptCheckpointError,
  CorruptJournalError,
  CorruptStateError,
  DeliveryError,
  ForkError,
  IllegalCommandError,
  InvalidOptionError,
  InvalidStateError,
  LossesError,
  MalformedRowError,
  NoOwnerError,
  NoUsableOutputError,
  PipelineCancelledError,
  PipelineError,
  PipelineFileError,
  PipelineMismatchError,
  PipelinePausedError,
  PoisonBatchError,
  RecordingError,
  RedriveError,
  RowError,
  SchemaError,
  SessionLockedError,
  SinkError,
  SourceError,
  StageError,
  StageTimeoutError,
  StateDirectoryError,
  WorkerThreadError,
} from './errors.js';
export type { Command } from './executor/commands.js';
export type { PipelineLike, PipelineOptions } from './executor/definition.js';
export type { Deliver, DeliverOptions, Delivery } from './executor/delivery/deliver-option.js';
export type { SinkLike, SourceLike } from './executor/endpoints/endpoints.js';
export { tee } from './executor/endpoints/tee.js';
export type { WorkerOptions } from './executor/fusion/workers.js';
export { distinct } from './executor/keyed/distinct.js';
export { type FoldedRow, type FoldOptions, fold } from './executor/keyed/fold.js';
export type { KeyedOptions } from './executor/keyed/keyed-stage.js';
export type { LossOptions } from './executor/loss-limits.js';
export {
  isPipeline,
  type Pipeline,
  type PipelineSteps,
  pipeline,
} from './executor/pipeline.js';
export { PipelineExecutor } from './executor/pipeline-executor.js';
export {
  type PipelineFailedEvent,
  type PipelineMachine,
  type PipelineMachineInput,
  type PipelineMachineOptions,
  pipelineMachine,
} from './executor/pipeline-machine.js';
export type { CancelReceipt, PauseReceipt } from './executor/receipts.js';
export type { ExecutionResult, LostRow, OutputRows } from './executor/result.js';
export type { PipelineRun, RunOptions } from './executor/run-pipeline.js';
export type { ResumeOptions } from './executor/session/opening/stored-session.js';
export type { Tuning } from './executor/session/tune.js';
export type { Json, JsonObject } from './formats/json.js';
export { type Limiter, type LimiterOptions, limiter } from './limits/limiter.js';
export type { RateOptions } from './limits/rate.js';
export { attachObserver, type PipelineObserver } from './observers/attach.js';
export type {
  ErrorData,
  EventType,
  HoldReason,
  PipelineEvent,
  PipelineEventOf,
  Projection,
  StageCounters,
  Stamp as EventStamp,
} from './observers/events.js';
export { jsonLines } from './observers/json-lines.js';
export type { RunMetrics, SessionSpending } from './observers/metrics.js';
export type { OutputStream } from './observers/output-stream.js';
export type { Progress, StageProgress } from './observers/progress/progress.js';
export { type ProgressBar, type ProgressBarOptions, progressBar } from './observers/progress/progress-bar.js';
export type { TerminalStream } from './observers/progress/terminal-block.js';
export type { Estimate } from './observers/projection.js';
export { type Clock, type Random, seededRandom, systemClock, type TimerOptions } from './platform/clock.js';
export type { Environment } from './platform/environment.js';
export { consoleLogger, type Logger, silentLogger } from './platform/logger.js';
export type { OpenContext } from './platform/open-context.js';
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
export type { Budget, SessionBudget } from './spending/budget.js';
export type { SpendingTotals } from './spending/ledger.js';
export type { Spending } from './spending/spending.js';
export type { CacheOptions } from './stages/cache/cache-options.js';
export {
  type BatchStageOptions,
  defineStage,
  filter,
  flatMap,
  map,
  type RowStageOptions,
} from './stages/define.js';
export { assertOk, type FetchResponse, HttpError } from './stages/failures/http-error.js';
export { type HttpErrorsOptions, httpErrors } from './stages/failures/http-errors.js';
export type { FailureInfo, RetryDecision, RetryWhen } from './stages/failures/retry-decision.js';
export type {
  AnyStage,
  BatchContext,
  BatchStage,
  CheckedRetry,
  Keyed,
  OnError,
  RetryOptions,
  RowStage,
  Stage,
  StageContext,
  StageHooks,
  StageOptions,
} from './stages/stage.js';
