/** `xstate-pipeline/machines`: the statecharts, without anything that runs them. Imports xstate only. */

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
  type Json,
  type JsonObject,
  type Losses,
  type PoisonSuspects,
  type StageCounters,
  type WrittenCounters,
} from './context.js';
export {
  createExecutorMachine,
  type ExecutorMachine,
  type ExecutorMachineOptions,
  stageActorId,
} from './executor.machine.js';
export type {
  ExecutorCommand,
  ExecutorEvent,
  ExecutorInput,
  LoadedSession,
  RunDescription,
} from './executor-events.js';
export { updateSuspects } from './poison.js';
export { hasDied, InvalidSnapshotError, type RestoredSnapshot, restoreSnapshot } from './restore.js';
export { rewind } from './rewind.js';
export { type StageMachine, stageMachine } from './stage.machine.js';
export type {
  AttemptFailure,
  StageBatch,
  StageContext,
  StageEvent,
  StageInput,
  StageReport,
} from './stage-events.js';
