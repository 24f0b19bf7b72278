/**
 * `run()`: one run of a pipeline, from options to result.
 *
 * Owns the run's executor, from the call until the promise is settled. A command given at any moment has an effect: one that
 * comes before the machine takes it waits for the state that does.
 */
import { defaults } from '#defaults';
import { StateManager } from '../checkpoint/state-manager.js';
import { CheckpointNotFoundError, PipelineCancelledError, PipelinePausedError } from '../errors.js';
import { optionsNamed, readOption, readOptions, shape } from '../formats/shape.js';
import type { PipelineObserver } from '../observers/attach.js';
import { OwnObserver } from '../observers/event-bus.js';
import type { HoldReason, PipelineEventOf } from '../observers/events.js';
import { Deferred } from '../platform/deferred.js';
import { defaultEnvironment, type Environment } from '../platform/environment.js';
import type { Logger } from '../platform/logger.js';
import { changeBudget, type SessionBudget } from '../spending/budget.js';
import type { AnyStage } from '../stages/stage.js';
import { onAbort } from './abort-listeners.js';
import type { Command } from './commands.js';
import type { PipelineLike } from './definition.js';
import { runInThread } from './fusion/thread-marker.js';
import { checkWorkers, type WorkerOptions } from './fusion/workers.js';
import { PipelineExecutor } from './pipeline-executor.js';
import type { CancelReceipt, PauseReceipt } from './receipts.js';
import type { ExecutionResult } from './result.js';
import type { Tuning } from './session/tune.js';
import { lastResumable, recentResumable } from './session/unfinished.js';

/** Options of `run()`. */
export interface RunOptions {
  /** Resumes an earlier session: its id, `'last'` for the newest unfinished one of this pipeline, or `'last-or-new'` to begin one
   * where there is none. A completed session gives its result. */
  readonly resume?: string;
  /** Accepts a pipeline or an input that differs from the stored one. Default false. */
  readonly force?: boolean;
  /** Resumes from the session's journal, where its checkpoint is damaged or refused: from the newest copy of the checkpoint that
   * the journal holds, else from the beginning. Journaled outputs are used for the rows that they were made from. Default false. */
  readonly fromJournal?: boolean;
  /** Reads the whole unfinished output before a resume, and refuses it if a byte before the committed position has changed.
   * Default false. */
  readonly verify?: boolean;
  /** Limits instead of those of the pipeline's `budget`, by name: `{ usd: 10 }`; of single stages: `{ stages: { classify: { usd: 5 } } }`.
   * What earlier processes of the session spent counts. */
  readonly budget?: SessionBudget;
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
  /** Rows that a new session works on before it pauses by itself, with a projection of the rest. A resume continues. */
  readonly sample?: number;
  /** Threads that decode, run the synchronous stages at the head of the pipeline, and encode: how many, the run's own among
   * them, and the file whose default export the pipeline is. The output is the same, byte for byte. Default: none. */
  readonly workers?: WorkerOptions;
  /** Clock, random numbers, file system, logger: for tests. */
  readonly environment?: Partial<Environment>;
}

/** Sessions to keep: enough to compare recent runs. */
const DEFAULT_KEEP = 20;
const kept = shape(
  'a whole number of sessions from 0, or Infinity',
  (value): value is number =>
    value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0),
);

/** Options of a command, which an actor gets by its input and its events instead. */
const COMMAND_OPTIONS = ['resume', 'fromJournal', 'verify', 'signal'] as const;
/** Options that `run()` and `pipelineMachine()` take. */
export const SHARED_OPTIONS = [
  'force',
  'budget',
  'stateDir',
  'stateManager',
  'cleanup',
  'keep',
  'observers',
  'record',
  'sample',
  'workers',
  'environment',
] as const satisfies readonly Exclude<keyof RunOptions, (typeof COMMAND_OPTIONS)[number]>[];
const RUN_OPTIONS = optionsNamed([...COMMAND_OPTIONS, ...SHARED_OPTIONS]);

/** A run that has begun: a promise of its result, and its commands. */
export interface PipelineRun<T = unknown> extends Promise<ExecutionResult<T>> {
  /** Known at once, but for `resume: 'last'`: undefined until the session is found. */
  readonly sessionId: string | undefined;
  /** The promise itself. */
  readonly result: Promise<ExecutionResult<T>>;
  /** Finishes and commits what is in flight. The run then ends: its promise rejects with `PipelinePausedError`, and the
   * session is free to be resumed by any process. A run that pauses by itself ends the same way; the error has its `reason`. */
  pause(): Promise<PauseReceipt>;
  /** Changes concurrency and rate limits while the run executes; see `PipelineExecutor.tune`. */
  tune(tuning: Tuning): Promise<Tuning>;
  /** Aborts every stage; the promise rejects with `PipelineCancelledError`. The session can be resumed. */
  cancel(): Promise<CancelReceipt>;
}

type WholePipeline = PipelineLike & { readonly stages: readonly AnyStage[] };

export function runPipeline<T>(whole: WholePipeline, options: RunOptions = {}): PipelineRun<T> {
  let run: Run<T> | undefined;
  // Invalid options reject the promise, like any other error of a run.
  const result = (async () => {
    const inThread = runInThread(whole);
    if (inThread !== undefined) return inThread;
    readOptions('run()', RUN_OPTIONS, options);
    options.signal?.throwIfAborted();
    run = new Run<T>(limitedBy(options, whole), options);
    return run.start();
  })();
  const command = async <R>(give: (run: Run<T>) => Promise<R>): Promise<R> =>
    run === undefined ? ((await result) as never) : give(run);
  return Object.defineProperties(result, {
    sessionId: { get: () => run?.sessionId, enumerable: true },
    result: { value: result },
    pause: { value: () => command((begun) => begun.pause()) },
    tune: { value: (tuning: Tuning) => command((begun) => begun.tune(tuning)) },
    cancel: { value: () => command((begun) => begun.cancel()) },
  }) as PipelineRun<T>;
}

/** The pipeline with the limits of a run. */
export function limitedBy<P extends PipelineLike>(
  { budget, sample }: Pick<RunOptions, 'budget' | 'sample'>,
  whole: P,
): P {
  const sampled = sample === undefined ? whole : { ...whole, options: { ...whole.options, sample } };
  if (budget === undefined) return sampled;
  const { options } = sampled;
  return { ...sampled, options: { ...options, budget: changeBudget(options?.budget, budget) } };
}

class Run<T> {
  readonly #executor: PipelineExecutor<T>;
  readonly #stateManager: StateManager;
  readonly #logger: Logger;
  readonly #keep: number;
  #sessionId: string | undefined;
  #isCancelled = false;
  /** Why it paused by itself; null: a command asked for the pause; undefined: it is not paused. */
  #paused: HoldReason | null | undefined;
  readonly #ended = new Deferred<void>();

  constructor(
    private readonly whole: WholePipeline,
    private readonly options: RunOptions,
  ) {
    const { observers = [], resume } = options;
    this.#keep = readOption('run()', 'keep', kept, options.keep ?? DEFAULT_KEEP);
    const environment = { ...defaultEnvironment(), ...options.environment };
    const { newSessionId, logger } = environment;
    this.#logger = logger;
    this.#stateManager = options.stateManager ?? new StateManager(defaults.storage(options.stateDir));
    const isOfUnknownSession = resume === 'last' || resume === 'last-or-new';
    const sessionId = resume === undefined ? newSessionId() : isOfUnknownSession ? undefined : resume;
    this.#sessionId = sessionId;
    this.#executor = new PipelineExecutor<T>(whole.stages, this.#stateManager, observers, {
      ...environment,
      newSessionId: () => sessionId ?? newSessionId(),
      ...(options.workers === undefined ? {} : { workers: checkWorkers(options.workers) }),
    });
    if (options.record === true) this.#executor.record();
    this.#executor.addObserver(
      new OwnObserver((event) => {
        if (event.type === 'pipeline.paused') this.#endPaused(event);
      }),
    );
  }

  get sessionId(): string | undefined {
    return this.#executor.sessionId ?? this.#sessionId;
  }

  async start(): Promise<ExecutionResult<T>> {
    const { signal, cleanup } = this.options;
    const stopListening = signal && onAbort(signal, () => void this.cancel().catch(() => {}));
    try {
      const result = await this.#execute();
      if (cleanup === true) await this.#stateManager.cleanupCheckpoints(result.sessionId);
      if (this.#keep !== Number.POSITIVE_INFINITY) await this.#stateManager.removeOldest(this.#keep);
      return result;
    } catch (error) {
      if (this.#paused === undefined) throw error;
      throw new PipelinePausedError(this.sessionId ?? '', this.#paused ?? undefined);
    } finally {
      stopListening?.();
      this.#ended.resolve();
    }
  }

  async #execute(): Promise<ExecutionResult<T>> {
    const { force = false, fromJournal = false, verify = false } = this.options;
    const { name } = this.whole;
    const resumed = await this.#sessionToResume(name);
    this.#sessionId = resumed ?? this.#sessionId;
    if (this.#isCancelled) throw new PipelineCancelledError(this.#sessionId ?? name);
    if (resumed !== undefined)
      return this.#executor.resume(resumed, this.whole, { force, fromJournal, verify });
    return this.#executor.execute(this.whole);
  }

  async #sessionToResume(name: string): Promise<string | undefined> {
    const { resume } = this.options;
    if (resume !== undefined && resume !== 'last' && resume !== 'last-or-new') return resume;
    const find = resume === undefined ? recentResumable : lastResumable;
    const last = await find(this.#stateManager, name);
    if (resume === 'last' && last === undefined)
      throw new CheckpointNotFoundError('last', `${this.#stateManager.storage.label} of pipeline "${name}"`);
    if (resume !== undefined || last === undefined) return last;
    this.#logger.warn(
      `Pipeline "${name}" starts a new session. Session ${last} is unfinished: resume it with run({ resume: '${last}' }), or xstate-pipeline resume ${last}`,
    );
    return undefined;
  }

  async pause(): Promise<PauseReceipt> {
    if (!this.#executor.can('pause')) await this.#whenLegal('pause');
    return this.#executor.pause();
  }

  /** Once the run executes. */
  async tune(tuning: Tuning): Promise<Tuning> {
    if (!this.#executor.can('pause')) await this.#whenLegal('pause');
    return this.#executor.tune(tuning);
  }

  async cancel(): Promise<CancelReceipt> {
    this.#isCancelled = true;
    if (!this.#executor.can('cancel')) await this.#whenLegal('cancel');
    return this.#executor.cancel();
  }

  /** Resolves in the state that takes the command, or when the run has ended: the command is refused then. */
  #whenLegal(command: Command): Promise<void> {
    const legal = new Deferred<void>();
    const subscription = this.#executor.state$.subscribe(() => {
      if (this.#executor.can(command)) legal.resolve();
    });
    return Promise.race([legal.promise, this.#ended.promise]).finally(() => subscription.unsubscribe());
  }

  /** Frees the session after a pause by any process: this executor is not resumed. */
  #endPaused({ reason }: PipelineEventOf<'pipeline.paused'>): void {
    this.#paused = reason ?? null;
    this.#executor.actor.stop();
  }
}
