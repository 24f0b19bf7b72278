/** What a test says of the pipeline that it takes into its hand. */
import type { PipelineOptions } from '../../executor/definition.js';
import type { LoadedSnapshot } from '../load-snapshot.js';
import type { StageScript } from './stage-outcomes.js';

/** Options of `createTestExecutor`. */
export interface TestExecutorOptions {
  /** Files by path, relative to the working directory or absolute: what the pipeline reads, for example. They are durable. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Input rows (JSON values), where stages are given instead of a pipeline. Default: none. */
  readonly rows?: readonly unknown[];
  /** What the stages do, by stage name. Default: what their own functions do. */
  readonly script?: Readonly<Record<string, StageScript>>;
  /** Put over the pipeline's own options: a small `batchSize`, for example. */
  readonly options?: PipelineOptions;
  /** Rows between checkpoints, where the pipeline does not say. Default 500. */
  readonly checkpointInterval?: number;
  /** A stored session to find, from `loadSnapshot`: `resume()` goes on with it. */
  readonly snapshot?: LoadedSnapshot;
  /** Of chance: jitter, and what a power loss leaves. Default 1. */
  readonly seed?: number;
  /** When it begins, in milliseconds since the epoch. Default: the beginning of 2026. */
  readonly startMs?: number;
}

/** How a process dies. */
export interface CrashOptions {
  /** False, the default: `kill -9`, everything written stays. True: what was not fsynced is lost. 'partly': any part of it is,
   * as the seed decides. */
  readonly powerLoss?: boolean | 'partly';
}
