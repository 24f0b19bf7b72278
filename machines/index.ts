/** `xstate-pipeline/machines`: the statecharts, without anything that runs them. Imports xstate only. */

export {
  type BatchRef,
  type ErrorFacts,
  EXECUTOR_STATES,
  type ExecutorContext,
  type ExecutorOutput,
  type ExecutorSettings,
  type ExecutorState,
  type Flow,
  type Json,
  type JsonObject,
  type Losses,
  type Mark,
  type StageTally,
  type Suspicion,
  type WrittenFacts,
} from './context.js';
export {
  createExecutorMachine,
  type ExecutorMachine,
  type ExecutorMachineOptions,
  stageActorId,
} from './executor.machine.js';
export type { ExecutorCommand, ExecutorEvent, ExecutorInput, RunFacts } from './executor-events.js';
export { suspect } from './poison.js';
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
