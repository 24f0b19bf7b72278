/** `xstate-pipeline/machines`: the statecharts, without a runtime. Imports xstate only. */

export type { AdaptiveConcurrency, ConcurrencyRange } from './adaptive-concurrency.js';
export { stageActorId, WORKERS } from './children.js';
export {
  type Activity,
  type BatchRef,
  type CheckpointMark,
  type ErrorData,
  EXECUTOR_STATES,
  type ExecutorContext,
  type ExecutorOutput,
  type ExecutorSettings,
  type ExecutorState,
  HOLD_KINDS,
  type HoldReason,
  type Json,
  type JsonObject,
  type Losses,
  type PoisonSuspects,
  type StageCounters,
  type StateReference,
  type WrittenCounters,
} from './context.js';
export {
  createExecutorMachine,
  type ExecutorMachine,
  type ExecutorMachineOptions,
} from './executor.machine.js';
export type {
  CommitReport,
  ExecutorCommand,
  ExecutorEvent,
  ExecutorInput,
  ExecutorReport,
  LoadedSession,
  PublishReport,
  ReadRequest,
  RunDescription,
  SinkWritten,
  SourceReport,
  WriteRequest,
} from './executor-events.js';
export { rewind } from './initial-context.js';
export { updateSuspects } from './poison.js';
export { InvalidSnapshotError } from './restore/fields.js';
export { hasCrashed, type RestoredSnapshot, restoreSnapshot } from './restore/restore.js';
export { type StageMachine, stageMachine } from './stage.machine.js';
export type {
  AttemptFailure,
  StageActorContext,
  StageBatch,
  StageEvent,
  StageInput,
  StageReport,
  WaitingBatch,
} from './stage-events.js';
