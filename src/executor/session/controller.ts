/**
 * The hands of one executor actor: gives the machine's actions their content, and its commands their promises.
 *
 * 1. One `Run` at a time; a new one begins with every opening.
 * 2. Reaching PAUSED, COMPLETED, FAILED or, cancelled, IDLE is announced, and promised, only when the checkpoint that
 *    says so is saved (I6, I16).
 * 3. An ending concludes with the run and the promises that it ended, and what begins next waits for that: a parent may
 *    send `resume` the moment it hears of a failure.
 * 4. A failure keeps the original error for whoever waits, and for nobody: it is never an unhandled rejection (I12).
 */
import type { ExecutorContext, ExecutorState } from '../../../machines/context.js';
import type { SessionLock } from '../../checkpoint/lock/lock.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { IllegalCommandError, PipelineCancelledError } from '../../errors.js';
import { Deferred } from '../../platform/deferred.js';
import type { Environment } from '../../platform/environment.js';
import { errorData } from '../../platform/error-data.js';
import type { AnyStage } from '../../stages/stage.js';
import type { AskableSnapshot } from '../commands.js';
import type { PipelineDefinition } from '../definition.js';
import type { WorkerOptions } from '../fusion/workers.js';
import type { EventDraft } from '../publish.js';
import { type CancelReceipt, figuresOf, originalError, type PauseReceipt, receiptOf } from '../receipts.js';
import { type ExecutionResult, resultOf } from '../result.js';
import type { MachineActor } from './checkpoint-writer.js';
import { controlHandlers } from './control-handlers.js';
import { type RecordingPreferences, Recordings } from './recordings.js';
import { Run } from './run.js';
import type { RunStart } from './run-options.js';

export interface ControllerOptions {
  readonly stages: readonly AnyStage[];
  readonly stateManager: StateManager;
  readonly environment: Environment;
  readonly publish: (sessionId: string, draft: EventDraft) => void;
  readonly wishes: RecordingPreferences;
  readonly pipelineFile?: string;
  readonly workers?: WorkerOptions;
}

type Ending = 'paused' | 'completed' | 'failed' | 'cancelled';

/** What an ending ended. */
interface Ended {
  readonly run: Run | undefined;
  readonly context: ExecutorContext;
  readonly outcome: Deferred<ExecutionResult>;
  readonly pause: Deferred<PauseReceipt> | undefined;
}

export class Controller {
  definition: PipelineDefinition | undefined;
  /** Set before the command that begins or resumes a run from a stored session. */
  stored:
    | (Pick<RunStart, 'mark' | 'wasSealed' | 'sourceIdentity' | 'epoch' | 'force'> & { lock?: SessionLock })
    | undefined;
  outcome = new Deferred<ExecutionResult>();
  #pause: Deferred<PauseReceipt> | undefined;
  #cancel: Deferred<CancelReceipt> | undefined;
  #run: Run | undefined;
  #epoch = 0;
  /** Endings under way: the session's lock and files are free when it has resolved. */
  #concluded: Promise<unknown> = Promise.resolve();

  readonly recordings: Recordings;
  readonly handlers = controlHandlers(this);

  constructor(
    readonly actor: MachineActor,
    readonly options: ControllerOptions,
  ) {
    const { stateManager, environment, wishes } = options;
    const notice = (sessionId: string, message: string) =>
      this.#publish(sessionId, { type: 'notice', message });
    this.recordings = new Recordings({ actor, stateManager, environment, wishes, notice });
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** A promise for the end of the run that a command is about to begin. */
  expectOutcome(): Promise<ExecutionResult> {
    if (this.outcome.isSettled) this.outcome = new Deferred();
    return this.outcome.promise;
  }

  expectPause(): Promise<PauseReceipt> {
    this.#pause ??= new Deferred();
    return this.#pause.promise;
  }

  expectCancel(): Promise<CancelReceipt> {
    this.#cancel ??= new Deferred();
    return this.#cancel.promise;
  }

  /** INITIALIZING: from the last durable mark, or from the start.
   * @param context of the transition under way: the actor's own snapshot is still the one before it. */
  open(context: ExecutorContext): void {
    const prepared = this.#run !== undefined && !this.#run.isClosed ? this.#run : undefined;
    const run = prepared ?? this.#begin(context);
    this.#concluded
      .then(() => run.open())
      .then(() => (run.writer.hasSaved ? undefined : run.saveFirst()))
      .then(() => {
        if (run.isClosed) return;
        run.activate();
        this.#announceStart(run);
        if (prepared !== undefined) this.#announceResumed(run);
        run.send({ type: 'opened' });
      })
      .catch((error: unknown) => run.fail(error));
  }

  /** Opens a restored session before `resume` is sent, so that a refusal leaves the state as it is. */
  async prepare(): Promise<void> {
    const run = this.#begin(this.#context);
    try {
      await run.open();
      await run.saveFirst();
    } catch (error) {
      // What goes wrong in a run that was cancelled while it opened is nobody's concern any more.
      const isCancelled = run.isClosed;
      // Resumed meanwhile by somebody else, who waits for it to end.
      if (this.state === 'EXECUTING' || this.state === 'INITIALIZING') run.fail(error);
      else await this.#giveUp(run);
      throw isCancelled ? new PipelineCancelledError(run.start.sessionId) : error;
    }
  }

  /** Whoever resumes meanwhile waits until its lock is free. */
  #giveUp(run: Run): Promise<unknown> {
    const released = run.release();
    this.#concluded = Promise.all([this.#concluded, released.catch(() => {})]);
    return released;
  }

  /** EXECUTING, from PAUSED: the run is open, unless a parent machine resumed a restored actor. */
  reopen(context: ExecutorContext): void {
    const isOpen = this.#run !== undefined && !this.#run.isClosed;
    const run = isOpen ? (this.#run as Run) : this.#begin(context);
    const before = isOpen ? undefined : this.#concluded;
    // Reads wait for it: the session is stored as running, and said to be, before anything is worked on.
    run.begin(async () => {
      if (!run.writer.hasSaved) await run.saveFirst();
      if (run.isClosed) return;
      run.activate();
      if (!run.isAnnounced) this.#announceStart(run);
      this.#announceResumed(run);
    }, before);
  }

  #announceResumed(run: Run): void {
    const { batches: fromBatch } = this.#context.flushed;
    this.#publish(run.start.sessionId, { type: 'pipeline.resumed', fromBatch });
  }

  #begin(context: ExecutorContext): Run {
    const { definition } = this;
    if (definition === undefined) throw new IllegalCommandError('execute', 'IDLE without a pipeline', []);
    const { stages, stateManager, environment, pipelineFile, workers } = this.options;
    const { stored } = this;
    this.stored = undefined;
    const { sessionId, flushed } = context;
    this.#epoch = Math.max(this.#epoch, stored?.epoch ?? 0) + 1;
    const previous = this.#run?.start.sessionId === sessionId ? this.#run : undefined;
    const start: RunStart = {
      sessionId,
      mark: stored?.mark ?? flushed,
      wasSealed: stored?.wasSealed ?? false,
      sourceIdentity: stored?.sourceIdentity ?? previous?.writer.sourceIdentity ?? null,
      epoch: this.#epoch,
      force: stored?.force ?? false,
      ...(stored?.lock === undefined ? {} : { lock: stored.lock }),
    };
    const run = new Run(
      this.actor,
      {
        definition,
        stages,
        stateManager,
        environment,
        publish: (draft) => this.#publish(sessionId, draft),
        handlers: this.handlers,
        ...(pipelineFile === undefined ? {} : { pipelineFile }),
        ...(workers === undefined ? {} : { workers }),
      },
      start,
    );
    this.#run = run;
    const names = stages.map(({ name }) => name);
    const recorded = { sessionId, pipeline: definition.name, stages: names, epoch: this.#epoch };
    run.recording = this.recordings.begin(recorded);
    return run;
  }

  #announceStart(run: Run): void {
    run.isAnnounced = true;
    const { mark } = run.start;
    const { total } = run.input;
    this.#publish(run.start.sessionId, {
      type: 'pipeline.started',
      pipeline: this.#context.pipeline,
      stages: this.#context.stages,
      resumed: mark.batches > 0 || run.start.epoch > 1,
      fromBatch: mark.batches,
      rowsIn: mark.rowsIn,
      rowsOut: mark.rowsOut,
      done: mark.done,
      ...(total === undefined ? {} : { total }),
      ...(mark.batches === 0 ? {} : { tallies: mark.stages }),
    });
  }

  abort(): void {
    this.#run?.abort(new PipelineCancelledError(this.#context.sessionId));
  }

  /** Called inside the machine's transition: what follows waits for a fresh stack.
   * @param context of the transition under way. */
  settled(how: Ending, context: ExecutorContext): void {
    const ended: Ended = { run: this.#run, context, outcome: this.outcome, pause: this.#pause };
    this.#pause = undefined;
    if (how !== 'paused') this.outcome = new Deferred();
    const concluded = Promise.resolve()
      .then(() => this.#settle(how, ended))
      .catch((error: unknown) => {
        this.options.environment.logger.error('The end of a run could not be concluded.', {
          ...errorData(error),
        });
        ended.outcome.reject(error);
        ended.pause?.reject(error);
        this.#cancel?.reject(error);
      });
    this.#concluded = Promise.all([this.#concluded, concluded]);
  }

  async #settle(how: Ending, ended: Ended): Promise<void> {
    const { run, context, pause } = ended;
    run?.deactivate();
    // A completed run was stored before it was said to be one.
    const problem = how === 'completed' ? undefined : await this.#saveLast(run, how, context);
    if (how === 'paused') {
      await run?.recording?.flush();
      this.#publish(context.sessionId, { type: 'pipeline.paused', ...figuresOf(context.flushed) });
      if (problem === undefined) pause?.resolve(receiptOf(context));
      else pause?.reject(problem);
      return;
    }
    await run?.release(how);
    if (how === 'completed') this.#concludeCompleted(ended);
    else if (how === 'failed') this.#concludeFailed(ended);
    else this.#concludeCancelled(ended);
  }

  /** The checkpoint that says how it ended. One that cannot be saved leaves the last one, which is true as well. */
  async #saveLast(run: Run | undefined, how: Ending, context: ExecutorContext): Promise<unknown> {
    if (run === undefined || (how !== 'paused' && !run.writer.hasSaved)) return undefined;
    try {
      await run.writer.save(undefined, how === 'cancelled' ? context : undefined);
      return undefined;
    } catch (error) {
      const facts = errorData(error);
      this.options.environment.logger.warn(`The checkpoint of the ${how} run could not be saved.`, {
        ...facts,
      });
      return error;
    }
  }

  #concludeCompleted({ context, outcome, pause }: Ended): void {
    const result = this.result(context);
    for (const tally of context.flushed.stages)
      this.#publish(context.sessionId, { type: 'stage.completed', stage: tally.stage, tally });
    const { success, isComplete } = result;
    const durationMs = context.flushed.elapsedMs;
    this.#publish(context.sessionId, {
      type: 'pipeline.completed',
      success,
      isComplete,
      durationMs,
      ...figuresOf(context.flushed),
    });
    pause?.resolve(receiptOf(context));
    outcome.resolve(result);
  }

  #concludeFailed({ context, run, outcome, pause }: Ended): void {
    const error = context.error ?? errorData(new Error('unknown'));
    this.#publish(context.sessionId, { type: 'pipeline.failed', error, batches: context.flushed.batches });
    const original = originalError(context, run);
    pause?.reject(original);
    outcome.reject(original);
  }

  #concludeCancelled({ context, outcome, pause }: Ended): void {
    this.#publish(context.sessionId, { type: 'pipeline.cancelled', batches: context.flushed.batches });
    const error = new PipelineCancelledError(context.sessionId);
    pause?.reject(error);
    this.#cancel?.resolve(receiptOf(context));
    this.#cancel = undefined;
    outcome.reject(error);
  }

  result(context: ExecutorContext): ExecutionResult {
    return resultOf(context, this.definition as PipelineDefinition, this.options.environment);
  }

  /** @param sessionId of the run that it is about: another one may have begun. */
  #publish(sessionId: string, draft: EventDraft): void {
    this.options.publish(sessionId, draft);
    this.recordings.recordEvent(sessionId, draft);
  }

  get #context(): ExecutorContext {
    return (this.actor.getSnapshot() as { context: ExecutorContext }).context;
  }

  get state(): ExecutorState {
    return (this.actor.getSnapshot() as { value: ExecutorState }).value;
  }

  get context(): ExecutorContext {
    return this.#context;
  }

  get snapshot(): AskableSnapshot {
    return this.actor.getSnapshot() as AskableSnapshot;
  }
}
