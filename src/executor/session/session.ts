/**
 * One opening of a session by this process, from taking its lock to releasing it.
 *
 * Owns the lock, source, sink, journal, threads, rows in flight, checkpoint writer and checkpoint timer. Where it stands is
 * one state, `lifecycle`: new -> opening -> open -> closing -> closed; an opening that is refused or cancelled skips `open`.
 * Calls in, all from `ExecutorActions`: `open`, `startTimer`, `stopTimer`, `abort`, `close`. Calls out: `StateManager` (lock,
 * checkpoint, journal), `loadSession`, `openRows`, and the functions of `SessionHost`.
 *
 * 1. One owner (I10): the lock is held from opening to closing; the epoch rises with every opening.
 * 2. What is stored decides where the session continues (I28): it is read once an opening, under the lock.
 * 3. After `abort`, no event reaches the machine and no sink is opened.
 */
import type { ExecutorContext } from '../../../machines/context.js';
import type { ExecutorEvent } from '../../../machines/executor-events.js';
import type { Journal } from '../../checkpoint/journal/journal.js';
import type { SessionLock } from '../../checkpoint/lock/lock.js';
import { isSessionId } from '../../checkpoint/session-id.js';
import { CheckpointNotFoundError, InvalidOptionError, PipelineMismatchError } from '../../errors.js';
import type { Environment } from '../../platform/environment.js';
import { errorData } from '../../platform/error-data.js';
import type { OpenContext } from '../../platform/open-context.js';
import type { OpenSource } from '../../sources/source.js';
import type { PipelineDefinition } from '../definition.js';
import { assertDistinctFiles } from '../distinct-files.js';
import { openThreads } from '../fusion/workers.js';
import { openRows, type Rows } from '../rows/rows.js';
import { sendAnswer } from './answers.js';
import { checkpointEveryMs, DEFAULT_CHECKPOINT_EVERY_MS } from './checkpoints/checkpoint-settings.js';
import { CheckpointTimer } from './checkpoints/checkpoint-timer.js';
import { CheckpointWriter, type MachineActor } from './checkpoints/checkpoint-writer.js';
import { lockSession } from './closing-sessions.js';
import type { RunStart, SessionRunOptions } from './run-options.js';
import { compareIdentity } from './source-identity.js';
import { loadSession, type StoredSession } from './stored-session.js';

const CLOSE_PATIENCE_MS = 1_000;

/** What an open session consists of. */
export interface OpenSession {
  readonly source: OpenSource<unknown>;
  readonly journal: Journal | undefined;
  readonly rows: Rows;
  readonly writer: CheckpointWriter;
}

/** `stored`: what was found of the session; undefined: it is new. */
type Opening = Promise<StoredSession | undefined>;

export type Lifecycle =
  | { readonly phase: 'new' }
  | { readonly phase: 'opening'; readonly opening: Opening }
  | { readonly phase: 'open'; readonly opening: Opening; readonly parts: OpenSession }
  /** `parts`: absent when it was never open. */
  | { readonly phase: 'closing' | 'closed'; readonly parts: OpenSession | undefined };

/** What an opening begins with. */
export interface SessionRequest {
  readonly sessionId: string;
  readonly definition: PipelineDefinition;
  /** The machine's context when the opening began. */
  readonly context: ExecutorContext;
  /** Loaded already, under this lock. */
  readonly loaded?: { readonly stored: StoredSession; readonly lock: SessionLock };
}

/** What an opening asks of its owner. */
export interface SessionHost extends Omit<SessionRunOptions, 'definition' | 'publish'> {
  readonly actor: MachineActor;
  readonly force?: boolean;
  readonly publish: (sessionId: string, draft: Parameters<SessionRunOptions['publish']>[0]) => void;
}

export class Session {
  #lifecycle: Lifecycle = { phase: 'new' };
  #definition: PipelineDefinition;
  #lock: SessionLock | undefined;
  #locking: Promise<unknown> | undefined;
  #source: OpenSource<unknown> | undefined;
  #timer: CheckpointTimer | undefined;
  #closed: Promise<void> | undefined;
  /** What writes: the lock is held until these are closed. */
  readonly #closers: { close(): Promise<void> }[] = [];
  /** The error that ended the run, as it was thrown. */
  failure: unknown;

  constructor(
    private readonly host: SessionHost,
    private readonly request: SessionRequest,
  ) {
    this.#definition = request.loaded?.stored.definition ?? request.definition;
    this.#lock = request.loaded?.lock;
  }

  get id(): string {
    return this.request.sessionId;
  }

  get lifecycle(): Lifecycle {
    return this.#lifecycle;
  }

  /** The pipeline that runs: sizes as the session began with. */
  get definition(): PipelineDefinition {
    return this.#definition;
  }

  get isEnding(): boolean {
    return this.#lifecycle.phase === 'closing' || this.#lifecycle.phase === 'closed';
  }

  get parts(): OpenSession | undefined {
    return 'parts' in this.#lifecycle ? this.#lifecycle.parts : undefined;
  }

  /** What a stage or the runtime threw, as it was thrown. */
  get thrown(): unknown {
    return this.failure ?? this.parts?.rows.lastFailure;
  }

  /** Takes the lock, reads what is stored, and opens source, journal and sink there. Called twice, it opens once.
   * @returns what was stored; undefined for a new session. A completed one is not opened. */
  open(): Opening {
    if ('opening' in this.#lifecycle) return this.#lifecycle.opening;
    if (this.#lifecycle.phase !== 'new') return Promise.reject(new Error('closed before it was opened'));
    const opening = this.#open();
    this.#lifecycle = { phase: 'opening', opening };
    return opening;
  }

  async #open(): Opening {
    const stored = this.request.loaded?.stored ?? (await this.#lockAndLoad());
    this.#stopIfEnding();
    if (stored !== undefined) this.#definition = stored.definition;
    if (stored?.isCompleted === true) return stored;
    const start: RunStart = stored?.start ?? newStart(this.request.context);
    await this.#openParts(start);
    return stored;
  }

  async #lockAndLoad(): Promise<StoredSession | undefined> {
    const { stateManager, handlers, stages, publish, force = false } = this.host;
    const locking = lockSession(this.host, this.id, handlers, () => this.#stopIfEnding());
    this.#locking = locking;
    this.#lock = await locking;
    this.#stopIfEnding();
    try {
      const { definition } = this.request;
      if (!isSessionId(this.id))
        throw new InvalidOptionError(`The id of a session is a UUID, not "${this.id.slice(0, 80)}".`);
      const options = { force, name: definition.name };
      const stored = await loadSession(this.id, stages, stateManager, definition, options);
      for (const message of stored.warnings) publish(this.id, { type: 'notice', message });
      return stored;
    } catch (error) {
      const isNew = this.request.context.flushed.batches === 0;
      if (error instanceof CheckpointNotFoundError && isNew) return undefined;
      throw error;
    }
  }

  async #openParts(start: RunStart): Promise<void> {
    const { host } = this;
    const definition = this.#definition;
    const { stateManager, stages, environment, actor } = host;
    const { sessionId, mark, wasSealed, epoch } = start;
    const publish: SessionRunOptions['publish'] = (draft) => host.publish(sessionId, draft);
    const openContext: OpenContext = { sessionId, clock: environment.clock, ...fileSystemOf(environment) };
    this.#timer = new CheckpointTimer(environment.clock, mark.elapsedMs);
    const source = await definition.source.open(mark.source ?? undefined, openContext);
    this.#source = source;
    if (this.isEnding) source.close().catch(() => {});
    await this.#checkIdentity(source, start, publish);
    this.#stopIfEnding();
    const isDurable = stages.some((stage) => stage.durable);
    const marker = await this.#closeLater(stateManager.witness(sessionId));
    const journal = isDurable ? await this.#closeLater(stateManager.journal(sessionId, epoch)) : undefined;
    this.#stopIfEnding();
    const outputs = { sink: definition.sink, 'dead-letter sink': definition.deadLetter };
    await assertDistinctFiles(source, outputs, environment.fileSystem);
    const sinkContext =
      source.columns === undefined ? openContext : { ...openContext, columns: source.columns };
    const sink = await this.#closeLater(definition.sink.open(mark.sink ?? undefined, wasSealed, sinkContext));
    const fail = (error: unknown) => this.fail(error);
    const opening = openThreads(host.workers, stages, fail);
    const threads = opening === undefined ? undefined : await this.#closeLater(opening);
    const rows = openRows({
      ...{ sessionId, epoch, stages, definition, environment, mark, wasSealed, openContext, publish, fail },
      ...{ source, sink, journal, marker, threads },
      context: () => (this.isEnding ? undefined : contextOf(actor)),
      send: (event) => this.send(event),
      maxWaitMs: checkpointEveryMs(definition, stateManager) || DEFAULT_CHECKPOINT_EVERY_MS,
      whenPausing: (callback) => whenPausing(actor, callback),
    });
    this.#closeLater(Promise.resolve(rows));
    this.#stopIfEnding();
    const writer = new CheckpointWriter(actor, { ...host, definition, publish }, start);
    if (this.#lifecycle.phase !== 'opening') throw new Error('closed while opening');
    this.#lifecycle = { ...this.#lifecycle, phase: 'open', parts: { source, journal, rows, writer } };
    this.send({ type: 'sink.opened', sink: sink.position });
  }

  /** I15: the input must be the one that the session began with, up to where it got. */
  async #checkIdentity(
    source: OpenSource<unknown>,
    { mark, sourceIdentity, force }: RunStart,
    publish: SessionRunOptions['publish'],
  ): Promise<void> {
    if (mark.source === null) return;
    const how = await compareIdentity(sourceIdentity, source, mark.source);
    if (how === 'changed' && !force)
      throw new PipelineMismatchError(['the input before the committed position has changed']);
    if (how === 'grown') {
      const message = 'The input has grown since the session was saved; the new rows are read as well.';
      publish({ type: 'notice', message });
    }
  }

  /** An opening that was ended touches nothing more; `close` frees what it has. */
  #stopIfEnding(): void {
    if (this.isEnding) throw new Error('closed while opening');
  }

  /** A part may cut its file while it opens: `close` waits for that too. */
  #closeLater<T extends { close(): Promise<void> } | undefined>(opening: Promise<T>): Promise<T> {
    const part = { close: async () => (await opening)?.close() };
    this.#closers.push(part);
    if (this.isEnding) part.close().catch(() => {});
    return opening;
  }

  /** Rows are worked on from now on: time counts, and asks for checkpoints. */
  startTimer(everyMs: number | false, isDue: () => boolean): void {
    this.#timer?.start(everyMs, () => {
      if (isDue()) this.send({ type: 'commit.due' });
    });
  }

  /** Paused or ended: time stands still. */
  stopTimer(): void {
    this.#timer?.stop();
  }

  get timer(): CheckpointTimer | undefined {
    return this.#timer;
  }

  /** Milliseconds that rows were worked on, over all processes. */
  get elapsedMs(): number | undefined {
    return this.#timer?.elapsedMs;
  }

  /** Answers the machine, unless the session is ending. */
  send(event: ExecutorEvent): void {
    if (!this.isEnding) sendAnswer(this.host.actor, event);
  }

  /** Ends the run with `failure`. */
  fail(error: unknown): void {
    if (this.isEnding) return;
    this.failure ??= error;
    this.send({ type: 'failure', error: errorData(error) });
  }

  /** Aborts every attempt and closes what is open, without waiting (I17). No event reaches the machine any more. */
  abort(reason: unknown): void {
    if (this.isEnding) return;
    const { parts } = this;
    this.#lifecycle = { phase: 'closing', parts };
    this.stopTimer();
    parts?.rows.abortAttempts(reason);
    // Not awaited: a generator may never answer.
    this.#source?.close().catch(() => {});
    for (const part of this.#closers) part.close().catch(() => {});
  }

  /** Releases the lock, once all that writes is closed. Waits at most a second: a sink that closes later frees it then. */
  close(): Promise<void> {
    this.abort(undefined);
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#locking?.catch(() => {});
    const closed = Promise.all(this.#closers.map((part) => part.close().catch(() => {})));
    let stopWaiting = () => {};
    const patience = new Promise<void>((resolve) => {
      stopWaiting = this.host.environment.clock.setTimer(resolve, CLOSE_PATIENCE_MS);
    });
    const lock = this.#lock;
    this.#lock = undefined;
    const released = closed.then(() => lock?.release());
    released.catch(() => {});
    await Promise.race([released, patience]);
    stopWaiting();
    this.#lifecycle = { phase: 'closed', parts: this.parts };
  }
}

function newStart({ sessionId, flushed }: ExecutorContext): RunStart {
  return { sessionId, mark: flushed, wasSealed: false, sourceIdentity: null, epoch: 1, force: false };
}

export function contextOf(actor: MachineActor): ExecutorContext {
  return (actor.getSnapshot() as { readonly context: ExecutorContext }).context;
}

/** Calls back once, in the transition that asks for a pause or later. @returns stops watching. */
function whenPausing(actor: MachineActor, callback: () => void): () => void {
  let isCalled = false;
  const check = () => {
    if (isCalled || contextOf(actor).activity.goal !== 'pause') return;
    isCalled = true;
    callback();
  };
  const subscription = actor.subscribe(check);
  check();
  return () => subscription.unsubscribe();
}

function fileSystemOf({ fileSystem }: Environment): Pick<Environment, 'fileSystem'> {
  return fileSystem === undefined ? {} : { fileSystem };
}
