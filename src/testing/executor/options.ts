/** Options of the test executor. */
import type { PipelineOptions } from '../../executor/definition.js';
import type { LoadedSnapshot } from '../load-snapshot.js';
import type { StageScript } from './stage-outcomes.js';

/** Options of `createTestExecutor`. */
export interface TestExecutorOptions {
  /** Files by path, relative to the working directory or absolute: the pipeline's input, for example. They are durable. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Input rows (JSON values), where stages are given instead of a pipeline. Default: none. */
  readonly rows?: readonly unknown[];
  /** Outcomes of the stages' calls, by stage name. Default: the stages' own functions run. */
  readonly script?: Readonly<Record<string, StageScript>>;
  /** Calls each stage's own function twice per attempt, for `assertRepeatable`. Default false. */
  readonly twice?: boolean;
  /** Overrides the pipeline's own options: a small `batchSize`, for example. */
  readonly options?: PipelineOptions;
  /** Rows between checkpoints, unless the pipeline sets it. Default 500. */
  readonly checkpointInterval?: number;
  /** A stored session, from `loadSnapshot`; `resume()` resumes it. */
  readonly snapshot?: LoadedSnapshot;
  /** Seed of jitter, of what survives a power loss, and of the order in which disk operations complete that are under way at the
   * same time. Default 1. */
  readonly seed?: number;
  /** Start time, in milliseconds since the epoch. Default: 2026-01-01T00:00:00Z. */
  readonly startMs?: number;
}

/** How a process crashes. */
export interface CrashOptions {
  /** False, the default: `kill -9`, all written bytes stay. True: bytes without an fsync are lost. 'partly': any part of them is
   * lost, by the seed. */
  readonly powerLoss?: boolean | 'partly';
}
