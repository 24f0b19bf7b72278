/**
 * The actions of the executor's machine, for one actor.
 *
 * Owns the actor's current `Session`, the promises of its commands and its recordings. Calls in: the machine's actions and the
 * stage actors (`runnable-machine.ts`), commands (`PipelineExecutor`, `control-handlers.ts`), and the end of the actor
 * (`actor-lifetime.ts`). Calls out: `Session` to open and close, its `rows` and checkpoint writer to work (`SessionWork`), `concludeRun` at an
 * end, and events to the machine.
 *
 * 1. Every opening begins at `openSession`, in INITIALIZING. What is stored decides where it continues.
 * 2. Events reach the machine from a fresh stack, never from inside one of its transitions.
 * 3. What throws ends the run by a `failure` event; nothing throws into the machine.
 * 4. An ending concludes before the next opening begins.
 */
import type { ExecutorContext, ExecutorState } from '../../../machines/context.js';
import { rewind } from '../../../machines/initial-context.js';
import { sealEvent } from '../../../machines/report.js';
import type { SessionLock } from '../../checkpoint/lock/lock.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { IllegalCommandError, PipelineCancelledError } from '../../errors.js';
import type { Environment } from '../../platform/environment.js';
import { errorData } from '../../platform/thrown.js';
import type { AnyStage } from '../../stages/stage.js';
import { type AskableSnapshot, assertLegal } from '../commands.js';
import type { PipelineDefinition } from '../definition.js';
import type { WorkerOptions } from '../fusion/workers.js';
import type { EventDraft } from '../publish.js';
import type { CancelReceipt, PauseReceipt } from '../receipts.js';
import { type ExecutionResult, resultOf } from '../result.js';
import type { Rows } from '../rows/rows.js';
import type { RunObservers } from '../run-observers.js';
import { notifyObservers, parentOf } from './actor-lifetime.js';
import { ActorListeners } from './actor-listeners.js';
import { checkpointEveryMs, isCheckpointDue } from './checkpoints/checkpoint-settings.js';
import type { MachineActor } from './checkpoints/checkpoint-writer.js';
import { CommandPromises, rejectAll } from './command-promises.js';
import { concludeRun, type EndedRun, type Ending } from './conclude-run.js';
import { controlHandlers } from './control-handlers.js';
import { addClosing } from './opening/closing-sessions.js';
import { Session, type SessionRequest } from './opening/session.js';
import { loadSession, type StoredSession } from './opening/stored-session.js';
import { type RecordedRun, type RecordingPreferences, Recordings } from './recording/recordings.js';
import type { StoredRecording } from './recording/stored-recording.js';
import { loadedEvent, resumedEvent, startedEvent } from './run-events.js';
import { SessionWork } from './session-work.js';
import { type Tuning, tuneRun } from './tune.js';

export interface ExecutorActionsOptions {
  readonly stages: readonly AnyStage[];
  readonly stateManager: StateManager;
  readonly environment: Environment;
  readonly observers: RunObservers;
  readonly recording: RecordingPreferences;
  /** Of the actor's runs; a facade names it with each `execute`. */
  readonly definition?: PipelineDefinition;
  readonly pipelineFile?: string;
  readonly pipelineArguments?: readonly string[];
  readonly workers?: WorkerOptions;
  /** Accepts a pipeline or an input that differs from the stored one. */
  readonly force?: boolean;
  /** The actor has completed, or was stopped: no event follows. */
  readonly onEnd?: () => void;
  /** After a completion was announced. */
  readonly onCompleted?: (sessionId: string) => Promise<void>;
}

interface ExecutorSnapshot extends AskableSnapshot {
  readonly value: ExecutorState;
  readonly context: ExecutorContext;
}

export class ExecutorActions {
  readonly promises = new CommandPromises();
  readonly recordings: Recordings;
  readonly handlers = controlHandlers(this);
  readonly #listeners: ActorListeners;
  /** The actions of EXECUTING. */
  readonly work = new SessionWork(this);
  #definition: PipelineDefinition | undefined;
  #session: Session | undefined;
  #recorded: RecordedRun | undefined;
  #recording: StoredRecording | undefined;
  /** Resolves when every ending so far has concluded: the session is free. */
  #concluded: Promise<unknown> = Promise.resolve();

  constructor(
    readonly actor: MachineActor,
    private readonly options: ExecutorActionsOptions,
  ) {
    const { recording, definition, observers } = options;
    this.#listeners = new ActorListeners(actor, observers.reportFailure);
    this.#definition = definition;
    const notice = (sessionId: string, message: string) =>
      this.publish(sessionId, { type: 'notice', message });
    this.recordings = new Recordings({ ...options, actor, wishes: recording, notice });
  }

  get recording(): StoredRecording | undefined {
    return this.#recording;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** The pipeline of the runs to come. */
  get definition(): PipelineDefinition | undefined {
    return this.#definition;
  }

  usePipeline(definition: PipelineDefinition): void {
    this.#definition = definition;
  }

  /** Opens a stored session before `resume` is sent, so that a refusal leaves the machine's state as it is. */
  async adoptSession(stored: StoredSession, lock: SessionLock): Promise<void> {
    this.#definition = stored.definition;
    const session = this.#newSession(this.context, { stored, lock });
    try {
      await session.open();
      if (stored.isCompleted) session.send(loadedEvent(stored));
      else await this.#recording?.allow();
    } catch (error) {
      const wasCancelled = session.isEnding;
      // A `resume` sent meanwhile ends as the opening does.
      if (this.state === 'INITIALIZING') session.fail(error);
      else this.#addConclusion(session.id, session.close());
      throw wasCancelled ? new PipelineCancelledError(session.id) : error;
    }
  }

  /** @throws {IllegalCommandError} (I2) */
  async pause(): Promise<PauseReceipt> {
    assertLegal('pause', this.#snapshot);
    const receipt = this.promises.expectPause();
    this.actor.send({ type: 'pause' });
    return receipt;
  }

  /** @throws {IllegalCommandError | InvalidOptionError} */
  tune(tuning: unknown): Tuning {
    const { stages, environment } = this.options;
    const { state, actor } = this;
    const snapshot = actor.getSnapshot() as { readonly children: Readonly<Record<string, unknown>> };
    const tuned = tuneRun({ state, stages, clock: environment.clock, snapshot }, tuning);
    this.publish(this.context.sessionId, { type: 'tuned', tuning: tuned });
    return tuned as Tuning;
  }

  /** @throws {IllegalCommandError} (I2) */
  async cancel(): Promise<CancelReceipt> {
    assertLegal('cancel', this.#snapshot);
    const receipt = this.promises.expectCancel();
    this.actor.send({ type: 'cancel' });
    return receipt;
  }

  /** INITIALIZING: opens the session where it is stored, or begins it.
   * @param context of the transition under way: the actor's own snapshot is still the one before it. */
  openSession(context: ExecutorContext): void {
    const adopted = this.#session?.isEnding === false ? this.#session : undefined;
    const session = adopted ?? this.#newSession(context);
    this.#concluded
      .then(() => this.#openSession(session, adopted === undefined))
      .catch((error: unknown) => session.fail(error));
  }

  async #openSession(session: Session, sendsStored: boolean): Promise<void> {
    const stored = await session.open();
    if (session.isEnding) return;
    if (stored !== undefined && sendsStored) {
      session.send(loadedEvent(stored));
      if (stored.isCompleted) return;
      if (stored.start.epoch !== this.#recorded?.epoch) this.#beginRecording(session, stored.start.epoch);
    }
    await session.parts?.writer.saveFirst();
    if (session.isEnding) return;
    await this.#recording?.allow();
    if (session.isEnding) return;
    this.work.begin(this.context.flushed.batches);
    this.startTimer(session);
    this.publish(session.id, startedEvent(this.context, session, stored !== undefined));
    if (stored !== undefined) this.publish(session.id, resumedEvent(this.context));
    session.send({ type: 'opened' });
  }

  #newSession(context: ExecutorContext, loaded?: SessionRequest['loaded']): Session {
    const definition = this.#definition;
    if (definition === undefined) throw new IllegalCommandError('execute', 'IDLE without a pipeline', []);
    const { sessionId } = context;
    const { actor, handlers } = this;
    const before = this.#recorded?.sessionId === sessionId ? this.#recorded.epoch : 0;
    const session = new Session(
      { ...this.options, actor, handlers, publish: (id, draft) => this.publish(id, draft) },
      { sessionId, definition, context, ...(loaded === undefined ? {} : { loaded }) },
    );
    this.#session = session;
    // Within the transition, so that this is the recording's first step; again where the stored epoch proves to be another.
    this.#beginRecording(session, loaded?.stored.start.epoch ?? before + 1);
    return session;
  }

  #beginRecording({ id: sessionId, definition }: Session, epoch: number): void {
    const stages = this.options.stages.map(({ name }) => name);
    this.#recorded = { sessionId, pipeline: definition.name, stages, epoch };
    this.#recording = this.recordings.begin(this.#recorded);
  }

  startTimer(session: Session): void {
    const { stateManager } = this.options;
    const everyMs = checkpointEveryMs(session.definition, stateManager);
    session.startTimer(everyMs, () => isCheckpointDue(this.context, stateManager, everyMs));
  }

  /** While the session is open. */
  get rows(): Rows | undefined {
    return this.#session?.parts?.rows;
  }

  abortWork(): void {
    this.#session?.abort(new PipelineCancelledError(this.context.sessionId));
  }

  /** The machine has reached the end of a run, or PAUSED.
   * @param context of the transition under way. */
  settleRun(ending: Ending, context: ExecutorContext): void {
    if (ending === 'completed') this.#listeners.keep();
    const pending = this.promises.takePending(ending !== 'paused');
    const ended = { ...pending, ending, context, session: this.#session, recording: this.#recording };
    const concluded = Promise.resolve().then(() => this.#conclude(ended));
    this.#addConclusion(context.sessionId, concluded);
  }

  /** An opening of the session waits for it, in this actor and in others of this process. */
  #addConclusion(sessionId: string, concluded: Promise<unknown>): void {
    this.#concluded = Promise.all([this.#concluded, concluded]);
    addClosing(this.options.environment, sessionId, this.#concluded);
  }

  /** The actor was restored, or started again: storage decides where it continues (I28). A run continues by itself; one that was
   * paused or had failed waits for its command, unless it has completed meanwhile. */
  continueRestored(state: ExecutorState): void {
    const { sessionId, error } = this.context;
    if (state === 'INITIALIZING' || state === 'EXECUTING')
      this.actor.send(sealEvent({ type: 'session.reopen' }));
    else if (state === 'FAILED' && sessionId === '')
      parentOf(this.actor)?.send({ type: 'pipeline.failed', sessionId, error });
    else if (state === 'PAUSED' || state === 'FAILED') void this.#completeIfStored(sessionId, state);
  }

  async #completeIfStored(sessionId: string, state: ExecutorState): Promise<void> {
    const { stages, stateManager } = this.options;
    const stored = await loadSession(sessionId, stages, stateManager, this.#definition, {}).catch(
      () => undefined,
    );
    if (stored?.isCompleted !== true || this.state !== state) return;
    this.#definition = stored.definition;
    this.actor.send(sealEvent(loadedEvent(stored)));
  }

  /** The actor was stopped: a run in progress ends as by `cancel`, and the session is free afterwards (I28).
   * @param context the last of the actor. */
  stopRun(state: ExecutorState, context: ExecutorContext): void {
    const error = new PipelineCancelledError(context.sessionId);
    this.#session?.abort(error);
    if (state === 'INITIALIZING' || state === 'EXECUTING') this.settleRun('cancelled', rewind(context));
    else if (state === 'PAUSED') this.#addConclusion(context.sessionId, this.#closePaused());
    void this.#concluded.then(() => {
      this.promises.rejectOutcome(error);
      this.options.onEnd?.();
    });
  }

  async #closePaused(): Promise<void> {
    await this.#recording?.close('stopped');
    await this.#session?.close();
  }

  async #conclude(ended: EndedRun): Promise<void> {
    const { logger } = this.options.environment;
    try {
      await concludeRun(ended, {
        logger,
        publish: (sessionId, draft) => this.publish(sessionId, draft),
        resultOf: (context) => this.result(context),
        notifyError: (error) => notifyObservers(this.actor, error),
      });
    } catch (error) {
      logger.error('The end of a run was not concluded.', { ...errorData(error) });
      rejectAll(ended, error);
    }
    if (ended.ending !== 'completed') return;
    await this.options.onCompleted?.(ended.context.sessionId).catch((error: unknown) => {
      logger.warn('The record of a completed session was not removed.', { ...errorData(error) });
    });
    this.options.onEnd?.();
  }

  result(context: ExecutorContext): ExecutionResult {
    const definition = this.#session?.definition ?? (this.#definition as PipelineDefinition);
    return resultOf(context, definition, this.options.environment, this.#session?.parts?.ledger);
  }

  /** @param sessionId of the run that it is about: another one may have begun. */
  publish(sessionId: string, draft: EventDraft): void {
    this.options.observers.publishEvent(sessionId, draft, this.#listeners);
    this.recordings.recordEvent(sessionId, draft);
  }

  get state(): ExecutorState {
    return this.#snapshot.value;
  }

  get context(): ExecutorContext {
    return this.#snapshot.context;
  }

  get #snapshot(): ExecutorSnapshot {
    return this.actor.getSnapshot() as ExecutorSnapshot;
  }
}
