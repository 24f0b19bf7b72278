/**
 * The short way: `pipeline(name).from(source).pipe(stage).to(sink).run()`, typed from stage to stage: one that does not
 * fit the one before it does not compile.
 */

import { defaults } from '#defaults';
import { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, PipelinePausedError } from '../errors.js';
import { isObject } from '../formats/json.js';
import { readOption, shape } from '../formats/shape.js';
import type { PipelineObserver } from '../observers/attach.js';
import type { Environment } from '../platform/environment.js';
import { consoleLogger, type Logger } from '../platform/logger.js';
import type { AnyStage, Stage } from '../stages/stage.js';
import { checkOptions } from './check-options.js';
import { definePipeline, isStage, type PipelineLike, type PipelineOptions } from './definition.js';
import { type SinkLike, type SourceLike, toSource } from './endpoints.js';
import { runInThread } from './fusion/thread-marker.js';
import { checkWorkers, type WorkerOptions } from './fusion/workers.js';
import { PipelineExecutor } from './pipeline-executor.js';
import type { ExecutionResult } from './result.js';
import { lastResumable, recentResumable } from './session/unfinished.js';

/** Options of `run()`. */
export interface RunOptions {
  /** Goes on with an earlier session: its id, or 'last' for the newest of this pipeline that is not finished. */
  readonly resume?: string;
  /** Accepts a pipeline or an input that differs from the stored one. Default false. */
  readonly force?: boolean;
  /** Where sessions are kept, in Node. Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  /** Instead of `stateDir`: where and how often checkpoints are kept. */
  readonly stateManager?: StateManager;
  /** Removes the session's record once the run has completed. Default false: a small finished one is kept. */
  readonly cleanup?: boolean;
  /** Stored sessions from which on completed ones are removed, the oldest first. Recorded and unfinished sessions stay.
   * Default 20; `Infinity` keeps all. */
  readonly keep?: number;
  readonly observers?: readonly PipelineObserver[];
  /** Records the run into the session's directory, for the inspector and for `replay`. Default false. */
  readonly record?: boolean;
  /** Cancels the run when it is aborted; the session can be resumed. */
  readonly signal?: AbortSignal;
  /** Threads that decode, run the synchronous stages at the head of the pipeline, and encode: how many, the run's own among
   * them, and the file whose default export the pipeline is. The output is the same, byte for byte. Default: none. */
  readonly workers?: WorkerOptions;
  /** Clock, random numbers, file system, logger: for tests. */
  readonly environment?: Partial<Environment>;
}

/** Sessions; enough to compare recent runs, few enough not to be noticed. */
const DEFAULT_KEEP = 20;
const kept = shape(
  'a whole number of sessions from 0, or Infinity',
  (value): value is number =>
    value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0),
);

const RUN_OPTIONS = [
  'resume',
  'force',
  'stateDir',
  'stateManager',
  'cleanup',
  'keep',
  'observers',
  'record',
  'signal',
  'workers',
  'environment',
] as const satisfies readonly (keyof RunOptions)[];

/** A pipeline, put together: what `run`, `execute` and the command line take. */
export interface Pipeline<T> extends PipelineLike {
  readonly stages: readonly AnyStage[];
  readonly options: PipelineOptions;
  /** Runs it; durable by default. Rejects with what ended the run. */
  run(options?: RunOptions): Promise<ExecutionResult<T>>;
}

/** A pipeline whose stages are being listed; `T` is the row that the next stage receives. */
export interface PipelineSteps<T> {
  /** Adds a stage, which takes the rows that the one before it gives. */
  pipe<O>(stage: Stage<T, O>): PipelineSteps<O>;
  /** @throws {InvalidOptionError} when the whole is not right: two stages of one name, an option out of range. */
  to(sink: SinkLike<T>): Pipeline<T>;
}

/** Begins a pipeline: `from`, then `pipe` for every stage, then `to`.
 * @param name in messages, and by which `resume: 'last'` finds its sessions.
 * @example
 * await pipeline('reviews').from(jsonl('in.jsonl')).pipe(map('tidy', tidy)).to(jsonl('out.jsonl')).run(); */
export function pipeline(
  name: string,
  options: PipelineOptions = {},
): {
  /** Names where the rows come from. */
  from<T>(source: SourceLike<T>): PipelineSteps<T>;
} {
  // Once: rows that can be read only once know that they were.
  return { from: (source) => steps({ name, options, source: toSource(source) }, []) };
}

function steps<T>(
  begun: { readonly name: string; readonly options: PipelineOptions; readonly source: SourceLike<unknown> },
  stages: readonly AnyStage[],
): PipelineSteps<T> {
  return {
    pipe: (stage) => steps(begun, [...stages, stage]),
    to(sink) {
      const whole = { ...begun, sink, stages };
      definePipeline(whole, stages);
      return { ...whole, run: (options) => run<T>(whole, options) };
    },
  };
}

/** A pipeline as it stands in a variable: checked where it comes from untyped hands, a pipeline file for example. */
export function isPipeline(value: unknown): value is Pipeline<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { name, stages, source, sink, run } = value as Partial<Pipeline<unknown>>;
  return (
    typeof name === 'string' &&
    Array.isArray(stages) &&
    stages.every(isStage) &&
    isObject(source) &&
    isObject(sink) &&
    typeof run === 'function'
  );
}

/** Ends a `run()` that another process pauses: nothing in this process could resume it. Its session is free then.
 * @returns the error to reject with; undefined: it was not paused. */
function endWhenPaused(executor: PipelineExecutor): () => PipelinePausedError | undefined {
  let paused: PipelinePausedError | undefined;
  executor.addObserver({
    next({ type, sessionId }) {
      if (type !== 'pipeline.paused') return;
      paused = new PipelinePausedError(sessionId);
      // The answer to the other process is sent first.
      setTimeout(() => executor.actor.stop());
    },
  });
  return () => paused;
}

async function run<T>(
  whole: PipelineLike & { readonly stages: readonly AnyStage[] },
  options: RunOptions = {},
): Promise<ExecutionResult<T>> {
  const inThread = runInThread(whole);
  if (inThread !== undefined) return inThread;
  checkOptions(options, 'run()', RUN_OPTIONS);
  const { resume, force = false, signal, observers = [], environment = {} } = options;
  signal?.throwIfAborted();
  const keep = readOption('run()', 'keep', kept, options.keep ?? DEFAULT_KEEP);
  const stateManager = options.stateManager ?? new StateManager(defaults.storage(options.stateDir));
  const workers = options.workers === undefined ? {} : { workers: checkWorkers(options.workers) };
  const executor = new PipelineExecutor<T>(whole.stages, stateManager, observers, {
    ...environment,
    ...workers,
  });
  if (options.record === true) executor.record();
  const abort = () => {
    if (executor.can('cancel')) executor.cancel().catch(() => {});
  };
  const concluded = async (result: ExecutionResult<T>) => {
    if (options.cleanup === true) await stateManager.cleanupCheckpoints(result.sessionId);
    if (keep !== Number.POSITIVE_INFINITY) await stateManager.removeOldest(keep);
    return result;
  };
  signal?.addEventListener('abort', abort, { once: true });
  const pausedError = endWhenPaused(executor);
  const settled = async (outcome: Promise<ExecutionResult<T>>) =>
    concluded(
      await outcome.catch((error: unknown) => {
        throw pausedError() ?? error;
      }),
    );
  try {
    if (resume === undefined) {
      await warnOfUnfinished(stateManager, whole.name, environment.logger ?? consoleLogger);
      return await settled(executor.execute(whole));
    }
    const id = resume === 'last' ? await idOfLast(stateManager, whole.name) : resume;
    return await settled(executor.resume(id, whole, { force }));
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A fresh start is not what everybody means who has an unfinished session. */
async function warnOfUnfinished(stateManager: StateManager, name: string, logger: Logger): Promise<void> {
  const last = await recentResumable(stateManager, name);
  if (last === undefined) return;
  logger.warn(
    `Pipeline "${name}" starts afresh; its session ${last} is unfinished. To go on with that one: run({ resume: '${last}' }), or xstate-pipeline resume ${last}`,
  );
}

async function idOfLast(stateManager: StateManager, name: string): Promise<string> {
  const last = await lastResumable(stateManager, name);
  if (last === undefined)
    throw new CheckpointNotFoundError('last', `${stateManager.storage.label} of pipeline "${name}"`);
  return last;
}
