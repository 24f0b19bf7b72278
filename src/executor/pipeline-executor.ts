/**
 * The facade: commands that throw when they are not legal (I2), promises for their outcomes, streams for observers.
 *
 * 1. It adds no semantics: the machine decides. Observers attach before anything runs and cannot hurt it (I11).
 * 2. Resuming a stored session goes through the one restore path (I18): validated, rebuilt, compared (I15), locked (I10).
 */
import type { Observable } from 'rxjs';
import { type ActorRefFrom, createActor } from 'xstate';
import type { ExecutorState } from '../../machines/context.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { IllegalCommandError, InvalidOptionError } from '../errors.js';
import type { PipelineObserver } from '../observers/attach.js';
import type { PipelineEvent } from '../observers/events.js';
import { guard } from '../observers/guard.js';
import { Reducer, viewOf } from '../observers/latest.js';
import { metricsOf, type RunMetrics } from '../observers/metrics.js';
import { type Progress, progressOf } from '../observers/progress/progress.js';
import { reduceProgress } from '../observers/progress/reduce-progress.js';
import { NO_RUN_COUNTERS } from '../observers/progress/run-counters.js';
import { BehaviorSubject } from '../observers/rx.js';
import { defaultEnvironment, type Environment } from '../platform/environment.js';
import type { RecordingSink } from '../recording/format.js';
import type { AnyStage, FittingStages, StagesBetween } from '../stages/stage.js';
import { assertLegal, type Command, legalCommands } from './commands.js';
import { checkStages, definePipeline, executorSettings, type PipelineLike } from './definition.js';
import { assertThreadsAvailable, type WorkerOptions, widenForWorkers } from './fusion/workers.js';
import type { CancelReceipt, PauseReceipt } from './receipts.js';
import type { ExecutionResult } from './result.js';
import { RunObservers } from './run-observers.js';
import { ExecutorActions } from './session/executor-actions.js';
import { lockSession } from './session/opening/closing-sessions.js';
import { redefineRun } from './session/opening/redefine-run.js';
import { assertSamePipeline, loadSession, type ResumeOptions } from './session/opening/stored-session.js';
import type { RecordingPreferences } from './session/recording/recordings.js';
import { createRunnableMachine, type RunnableMachine } from './session/runnable-machine.js';
import type { Tuning } from './session/tune.js';

/**
 * Runs an ordered list of stages over a pipeline's rows; see `pipeline()` for the short way.
 *
 * In a list that is written in place, a stage that does not fit the one before it does not compile, and the row types follow:
 * `In` of the source, `T` of the sink and of the result. In a list of type `AnyStage[]`, rows are of any type.
 * @example
 * const executor = new PipelineExecutor([tidy], new StateManager(lowdbStorage('.xstate-pipeline')));
 * const result = await executor.execute({ name: 'reviews', source: jsonl('in.jsonl'), sink: jsonl('out.jsonl') });
 */
export class PipelineExecutor<
  T = unknown,
  // biome-ignore lint/suspicious/noExplicitAny: any rows, for stages whose row types are not known.
  In = any,
  const Stages extends readonly AnyStage[] = readonly AnyStage[],
> {
  /** The state, from now on; the current one first. All four streams complete when no command can follow: after COMPLETED, and
   * after `actor.stop()`. */
  readonly state$: Observable<ExecutorState>;
  /** What happens, from now on. */
  readonly events$: Observable<PipelineEvent>;
  /** Rows, rates, ETA, counters per stage; the latest first. */
  readonly progress$: Observable<Progress>;
  /** The figures of the result so far; the latest first. */
  readonly metrics$: Observable<RunMetrics>;
  /** In order. */
  readonly stages: readonly AnyStage[];
  readonly #observers: RunObservers;
  readonly #workers: WorkerOptions | undefined;
  readonly #state = new BehaviorSubject<ExecutorState>('IDLE');
  readonly #environment: Environment;
  readonly #machine: RunnableMachine;
  readonly #recording: RecordingPreferences = { isStored: false, sinks: new Map() };
  readonly #actionsOf: (actor: object) => ExecutorActions;
  #actor: ActorRefFrom<RunnableMachine>;

  /**
   * @param stages in order, names distinct.
   * @param stateManager where checkpoints go.
   * @param observers see `addObserver`.
   * @param environment clock, random numbers, file system, logger: for tests (I14). `workers`: threads that run the
   * synchronous stages at the head of the pipeline.
   * @throws {InvalidOptionError} for two stages of one name.
   */
  constructor(
    stages: Stages & StagesBetween<In, T> & FittingStages<Stages, In>,
    readonly stateManager: StateManager,
    observers: readonly PipelineObserver[] = [],
    environment: Partial<Environment> & {
      readonly pipelineFile?: string;
      readonly pipelineArguments?: readonly string[];
      readonly workers?: WorkerOptions;
    } = {},
  ) {
    checkStages(stages);
    const { pipelineFile, pipelineArguments, workers } = environment;
    this.stages = widenForWorkers(stages, workers);
    this.#workers = workers;
    if (!(typeof stateManager?.saveCheckpoint === 'function'))
      throw new InvalidOptionError(
        'An executor needs a StateManager: new StateManager(memoryStorage()), for example.',
      );
    this.#environment = { ...defaultEnvironment(), ...environment };
    this.#observers = new RunObservers(this.#environment);
    const { bus, reportFailure } = this.#observers;
    this.events$ = bus.events$;
    this.state$ = guard(this.#state, reportFailure);
    const { machine, actionsOf } = createRunnableMachine({
      stages: this.stages,
      newRun: undefined,
      actionsOf: (actor) =>
        new ExecutorActions(actor, {
          stages: this.stages,
          stateManager,
          environment: this.#environment,
          observers: this.#observers,
          recording: this.#recording,
          onEnd: () => this.#complete(actor),
          ...(pipelineFile === undefined ? {} : { pipelineFile }),
          ...(pipelineArguments === undefined ? {} : { pipelineArguments }),
          ...(workers === undefined ? {} : { workers }),
        }),
    });
    this.#machine = machine;
    this.#actionsOf = actionsOf;
    this.#actor = this.#follow(createActor(machine, { input: {} }));
    const counters = new Reducer(NO_RUN_COUNTERS, reduceProgress);
    bus.follow(counters, 'first');
    this.progress$ = guard(progressOf(counters, this.#environment.clock), reportFailure);
    this.metrics$ = guard(viewOf(counters, metricsOf), reportFailure);
    for (const observer of observers) this.addObserver(observer);
  }

  /** The XState actor: for an inspector, React, a parent machine. Another one after `resume` of a stored session. */
  get actor(): ActorRefFrom<RunnableMachine> {
    return this.#actor;
  }

  /** The state, now. */
  get state(): ExecutorState {
    return this.#actor.getSnapshot().value;
  }

  /** Of the run that has begun; undefined before. */
  get sessionId(): string | undefined {
    const { sessionId } = this.#actor.getSnapshot().context;
    return sessionId === '' ? undefined : sessionId;
  }

  /** Whether the command is legal now. `resume` with the id of a stored session is, beside these, legal in IDLE. */
  can(command: Command): boolean {
    return legalCommands(this.#actor.getSnapshot()).includes(command);
  }

  /** Attaches an observer, which can neither stop nor slow the run (I11).
   * @param observer a partial RxJS observer of events, or a function that subscribes to them as it likes. */
  addObserver(observer: PipelineObserver): this {
    this.#observers.add(observer);
    return this;
  }

  /** Records what the machines do, from now on and over resumes: references and metrics, never rows.
   * @param sink receives the lines. Default: the session's directory. @returns ends the recording; the run continues. */
  record(sink?: RecordingSink): {
    /** Ends the recording; the run continues. */
    end(): void;
  } {
    const { recordings } = this.#actions;
    if (sink === undefined) {
      void recordings.startOnDemand();
      return { end: () => this.#actions.recordings.stopOnDemand() };
    }
    recordings.add(sink);
    return { end: () => this.#actions.recordings.remove(sink) };
  }

  /** Runs the pipeline from its start; from FAILED it resumes from the session's own checkpoint, with the source and the sink that
   * are given now. Rows of `rows()` cannot be compared: those before the committed position are skipped.
   * @returns the result; rejects with what ended the run, or with `PipelineCancelledError`.
   * It stays pending while the run is paused, also by itself (`pipeline.paused` with a reason): `resume` and `cancel` settle it.
   * @throws {IllegalCommandError} in another state than IDLE and FAILED.
   * @throws {InvalidOptionError} for a pipeline that is wrongly put together. */
  async execute(pipeline: PipelineLike<In, T>): Promise<ExecutionResult<T>> {
    assertLegal('execute', this.#actor.getSnapshot());
    const definition = definePipeline(pipeline, this.stages);
    if (this.#workers !== undefined) assertThreadsAvailable(definition);
    const actions = this.#actions;
    const isAgain = this.state === 'FAILED';
    if (isAgain) assertSamePipeline(actions.definition, definition);
    actions.usePipeline(definition);
    const outcome = actions.promises.expectOutcome();
    const description = isAgain
      ? {}
      : {
          sessionId: this.#environment.newSessionId(),
          pipeline: definition.name,
          startedAt: Math.round(this.#environment.clock.now()),
          settings: executorSettings(definition, this.stateManager),
        };
    this.#actor.send({ type: 'execute', ...description });
    return outcome as Promise<ExecutionResult<T>>;
  }

  /** Reads nothing new, finishes and commits what is in flight, saves.
   * @returns the receipt, when all of it is true (I16).
   * @throws {IllegalCommandError} in another state than EXECUTING. */
  async pause(): Promise<PauseReceipt> {
    return this.#actions.pause();
  }

  /** Resumes: in PAUSED and FAILED with this executor's session, in IDLE with a stored one.
   * @param pipeline source and sink, where they cannot be rebuilt from the checkpoint (iterables, `collect()`). In PAUSED, the open
   * ones continue.
   * @param options `budget` raises the limits of what the session may spend, also of a run that this executor has paused.
   * @throws {IllegalCommandError | CheckpointNotFoundError | CorruptCheckpointError | PipelineMismatchError |
   * SessionLockedError} each leaving the executor as it was. */
  async resume(
    sessionId?: string,
    pipeline?: Partial<PipelineLike<In, T>>,
    options: ResumeOptions = {},
  ): Promise<ExecutionResult<T>> {
    const isOwn = sessionId === undefined || sessionId === this.sessionId;
    if (isOwn && this.can('resume')) {
      redefineRun(this.#actions, pipeline, options, this.stages);
      const outcome = this.#actions.promises.expectOutcome();
      this.#actor.send({ type: 'resume' });
      return outcome as Promise<ExecutionResult<T>>;
    }
    if (sessionId === undefined || this.state !== 'IDLE')
      throw new IllegalCommandError('resume', this.state, legalCommands(this.#actor.getSnapshot()));
    return this.#resumeStored(sessionId, pipeline, options);
  }

  async #resumeStored(
    sessionId: string,
    pipeline: Partial<PipelineLike> | undefined,
    options: ResumeOptions,
  ): Promise<ExecutionResult<T>> {
    const place = { stateManager: this.stateManager, environment: this.#environment };
    const lock = await lockSession(place, sessionId, {
      status: () => this.#actions.handlers.status(),
      record: () => this.#actions.handlers.record(),
      pause: () => this.#actions.handlers.pause(),
      cancel: () => this.#actions.handlers.cancel(),
      tune: (tuning) => this.#actions.handlers.tune(tuning),
    });
    let restored: ActorRefFrom<RunnableMachine> | undefined;
    let restoredAs: ExecutorState | undefined;
    try {
      const session = await loadSession(sessionId, this.stages, this.stateManager, pipeline, options);
      if (this.#workers !== undefined) assertThreadsAvailable(session.definition);
      if (this.state !== 'IDLE')
        throw new IllegalCommandError('resume', this.state, legalCommands(this.#actor.getSnapshot()));
      for (const message of session.warnings)
        this.#observers.publishEvent(sessionId, { type: 'notice', message });
      const actor = createActor(this.#machine, { snapshot: session.snapshot as never, input: {} });
      const actions = this.#actionsOf(actor);
      restored = this.#follow(actor);
      const outcome = actions.promises.expectOutcome();
      restoredAs = actor.getSnapshot().value;
      await actions.adoptSession(session, lock);
      // An observer may have resumed it meanwhile.
      if (actor.getSnapshot().value === restoredAs) actor.send({ type: 'resume' });
      return outcome as Promise<ExecutionResult<T>>;
    } catch (error) {
      // From then on the run has it.
      if (restored === undefined) await lock.release();
      // A refusal leaves the executor as it was. After a command the actor is the run's: it may be executing already.
      const isUntouched = restored === this.#actor && this.state === restoredAs;
      if (isUntouched && this.#actions.session?.failure === undefined)
        this.#follow(createActor(this.#machine, { input: {} }));
      throw error;
    }
  }

  /** Changes concurrency and rate limits of the run, now and until it ends. Everything is checked before anything changes.
   * @returns what is in force, for the stages and limiters that are named.
   * @throws {IllegalCommandError} in another state than EXECUTING and PAUSED.
   * @throws {InvalidOptionError} for a stage or limiter that the pipeline has not, and for a value out of range.
   * @example
   * executor.tune({ stages: { classify: { concurrency: 4 } }, limiters: { openai: { requests: { limit: 300, perMs: 60_000 } } } });
   */
  tune(tuning: Tuning): Tuning {
    return this.#actions.tune(tuning);
  }

  /** Aborts every stage at once, waits for none of them, keeps the checkpoint (I17). `execute` rejects with
   * `PipelineCancelledError`; the session can be resumed.
   * @throws {IllegalCommandError} in IDLE and COMPLETED. */
  async cancel(): Promise<CancelReceipt> {
    return this.#actions.cancel();
  }

  get #actions(): ExecutorActions {
    return this.#actionsOf(this.#actor);
  }

  #follow(actor: ActorRefFrom<RunnableMachine>): ActorRefFrom<RunnableMachine> {
    this.#actor = actor;
    actor.subscribe({
      next: (snapshot) => {
        if (this.#actor === actor) this.#reached(snapshot.value);
      },
      error: (error) => {
        if (actor.getSnapshot().status === 'error') this.#actionsOf(actor).promises.rejectOutcome(error);
      },
    });
    actor.start();
    this.#reached(actor.getSnapshot().value);
    return actor;
  }

  /** The end of the executor: no command is legal any more. */
  #complete(actor: object): void {
    if (this.#actor !== actor) return;
    this.#observers.bus.complete();
    this.#state.complete();
  }

  #reached(state: ExecutorState): void {
    if (state !== this.#state.value) this.#state.next(state);
  }
}
