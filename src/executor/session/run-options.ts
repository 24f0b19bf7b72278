/** What a run is given, and where it goes on from. */
import type { CheckpointMark, Json } from '../../../machines/context.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import type { Environment } from '../../platform/environment.js';
import type { AnyStage } from '../../stages/stage.js';
import type { PipelineDefinition } from '../definition.js';
import type { WorkerOptions } from '../fusion/workers.js';
import type { EventDraft } from '../publish.js';

/** Where a run goes on from. */
export interface RunStart {
  readonly sessionId: string;
  readonly mark: CheckpointMark;
  /** The run had written everything at `mark`: its result may be published already. */
  readonly wasSealed: boolean;
  /** What the stored session said of its input; null at a fresh start. */
  readonly sourceIdentity: Json | null;
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
  readonly workers?: WorkerOptions;
}
