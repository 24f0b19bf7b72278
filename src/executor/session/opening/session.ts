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
import type { ExecutorContext } from '../../../../machines/context.js';
import type { ExecutorEvent } from '../../../../machines/executor-events.js';
import type { SessionLock } from '../../../checkpoint/lock/lock.js';
import { isSessionId } from '../../../checkpoint/session-id.js';
import { hasErrorCode, InvalidOptionError } from '../../../errors.js';
import { errorData } from '../../../platform/thrown.js';
import type { OpenSource } from '../../../sources/source.js';
import type { PipelineDefinition } from '../../definition.js';
import { sendAnswer } from '../answers.js';
import { CheckpointTimer } from '../checkpoints/checkpoint-timer.js';
import type { RunStart } from '../run-options.js';
import { lockSession } from './closing-sessions.js';
import { type OpenSession, openParts, type SessionHost } from './open-parts.js';
import { loadSession, type StoredSession } from './stored-session.js';

const CLOSE_PATIENCE_MS = 1_000;

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
    this.#timer = new CheckpointTimer(this.host.environment.clock, start.mark.elapsedMs);
    const parts = await openParts(start, this.#definition, this.host, {
      isEnding: () => this.isEnding,
      stopIfEnding: () => this.#stopIfEnding(),
      elapsedMs: () => this.elapsedMs ?? start.mark.elapsedMs,
      closeLater: (part) => this.#closeLater(part),
      ownSource: (source) => this.#ownSource(source),
      send: (event) => this.send(event),
      fail: (error) => this.fail(error),
    });
    if (this.#lifecycle.phase !== 'opening') throw new Error('closed while opening');
    this.#lifecycle = { ...this.#lifecycle, phase: 'open', parts };
    this.send({ type: 'sink.opened', sink: parts.sink.position });
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
      if (hasErrorCode(error, 'CHECKPOINT_NOT_FOUND') && isNew) return undefined;
      throw error;
    }
  }

  #ownSource(source: OpenSource<unknown>): void {
    this.#source = source;
    if (this.isEnding) source.close().catch(() => {});
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
