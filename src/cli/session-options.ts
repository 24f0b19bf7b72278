/** What `run`, `resume` and `fork` tell a foreground run, and how it ends. */
import type { StateManager } from '../checkpoint/state-manager.js';
import type { PipelineExecutor } from '../executor/pipeline-executor.js';
import type { ExecutionResult } from '../executor/result.js';
import type { PipelineEventOf } from '../observers/events.js';
import type { Environment } from '../platform/environment.js';
import type { RunViewer } from './inspectors/live-inspector.js';
import type { Places, SavedRows } from './output/summary.js';
import type { Terminal } from './output/terminal.js';
import type { StopRequests } from './stop-requests.js';

export interface SessionOptions {
  readonly terminal: Terminal;
  readonly stops: StopRequests;
  readonly stateManager: StateManager;
  readonly stateDir: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly record: boolean;
  /** Traced and measured through OpenTelemetry. */
  readonly otel: boolean;
  readonly viewer: RunViewer | undefined;
  /** Name of the pipeline. */
  readonly name: string;
  readonly places: Places;
  /** Absolute. */
  readonly pipelineFile: string;
  /** Messages to print after the session id. */
  readonly notices: readonly string[];
  readonly createExecutor: (environment: Pick<Environment, 'logger' | 'tracing'>) => PipelineExecutor;
  readonly start: (executor: PipelineExecutor) => Promise<ExecutionResult>;
  /** It reads or writes a pipe: no resume of it is possible. */
  readonly isPiped?: boolean;
  /** The session to resume; undefined: a new session. */
  readonly sessionId?: string;
}

export type RunOutcome =
  | { readonly kind: 'completed'; readonly result: ExecutionResult }
  | {
      readonly kind: 'paused';
      /** With the reason, if the run paused by itself. */
      readonly saved: SavedRows &
        Pick<PipelineEventOf<'pipeline.paused'>, 'reason' | 'projection' | 'spending'>;
    }
  /** There was nothing to pause or to cancel. */
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'failed';
      readonly error: unknown;
      /** Stage and batch, if the error does not name them. */
      readonly where: string;
      readonly isReported: boolean;
      /** The receipt of a cancel in this process. */
      readonly saved: SavedRows | undefined;
    };
