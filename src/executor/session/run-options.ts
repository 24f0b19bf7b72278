/** The options of a session's run, and where it starts. */
import type { CheckpointMark, Json } from '../../../machines/context.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import type { Environment } from '../../platform/environment.js';
import type { LedgerState } from '../../spending/ledger.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineDefinition } from '../definition.js';
import type { WorkerOptions } from '../fusion/workers.js';
import type { EventDraft } from '../publish.js';

/** Where a run starts. */
export interface RunStart {
  readonly sessionId: string;
  readonly mark: CheckpointMark;
  /** The run had written everything at `mark`: its result may be published already. */
  readonly wasSealed: boolean;
  /** The stored identity of the input; null for a new session. */
  readonly sourceIdentity: Json | null;
  /** What the session has spent; absent: nothing. */
  readonly spending?: LedgerState;
  readonly epoch: number;
  readonly force: boolean;
}

export interface SessionRunOptions {
  readonly definition: PipelineDefinition;
  readonly stages: readonly AnyStage[];
  readonly stateManager: StateManager;
  readonly environment: Environment;
  readonly publish: (draft: EventDraft) => void;
  readonly handlers: Parameters<StateManager['lock']>[1];
  readonly pipelineFile?: string;
  /** What the pipeline file was called with. */
  readonly pipelineArguments?: readonly string[];
  readonly workers?: WorkerOptions;
}
