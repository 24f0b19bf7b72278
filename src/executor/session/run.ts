/**
 * One opening of a session by this process: what stands behind the executor machine's actions.
 *
 * 1. One owner (I10): the session's lock is held from opening to closing; the epoch rises with every opening.
 * 2. Commit order (I6): sinks flushed, checkpoint saved, `batches.committed` announced, journal trimmed.
 * 3. Every answer goes to the machine as an event, never from inside one of its transitions' stacks; after `abort` none
 *    does any more.
 * 4. A failure of any part ends the run by a `failure` event; nothing here throws into the machine.
 */

import type { ExecutorContext } from '../../../machines/context.js';
import type { ExecutorEvent, ReadRequest, WriteRequest } from '../../../machines/executor-events.js';
import type { Journal } from '../../checkpoint/journal/journal.js';
import type { SessionLock } from '../../checkpoint/lock/lock.js';
import { PipelineMismatchError } from '../../errors.js';
import type { Environment } from '../../platform/environment.js';
import { errorData } from '../../platform/error-data.js';
import type { OpenSource } from '../../sources/source.js';
import { assertDistinctFiles } from '../distinct-files.js';
import { openThreads } from '../fusion/workers.js';
import { openRows, type Rows } from '../rows/rows.js';
import { sendAnswer } from './answers.js';
import { checkpointEveryMs } from './checkpoint-settings.js';
import { CheckpointTimer } from './checkpoint-timer.js';
import { CheckpointWriter, type MachineActor } from './checkpoint-writer.js';
import type { RunStart, SessionRunOptions } from './run-options.js';
import { compareIdentity, identityOf } from './source-identity.js';
import type { StoredRecording } from './stored-recording.js';

const CLOSE_PATIENCE_MS = 1_000;

interface OpenParts {
  readonly source: OpenSource<unknown>;
  readonly journal: Journal | undefined;
  readonly rows: Rows;
}

export class Run {
  #parts: OpenParts | undefined;
  #opening: Promise<void> | undefined;
  #begun: Promise<void> | undefined;
  #lock: SessionLock | undefined;
  /** The lock's taking, which an end may come in the middle of. */
  #locking: Promise<SessionLock> | undefined;
  #isClosed = false;
  readonly #pace: CheckpointTimer;
  /** Batches that the checkpoint before the newest covers. */
  #coveredBefore: number;
  readonly writer: CheckpointWriter;
  isAnnounced = false;
  recording: StoredRecording | undefined;
  /** The error that ended the run, as it was thrown. */
  failure: unknown;

  constructor(
    readonly actor: MachineActor,
    readonly options: SessionRunOptions,
    readonly start: RunStart,
  ) {
    this.#lock = start.lock;
    this.#pace = new CheckpointTimer(options.environment.clock, start.mark.elapsedMs);
    this.#coveredBefore = start.mark.batches;
    this.writer = new CheckpointWriter(actor, options, start);
  }

  get rows(): Rows | undefined {
    return this.#parts?.rows;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Size of the input, and how much of it is behind the mark. */
  get input(): Pick<OpenSource<unknown>, 'total'> {
    return this.#parts?.source ?? {};
  }

  /** From here on the session can be resumed, and looked at. */
  async saveFirst(): Promise<void> {
    await this.writer.saveFirst();
    if (!this.#isClosed) await this.recording?.allow();
  }

  /** Takes the lock and opens source, journal and sink where the mark says. Called twice, it opens once. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { definition, stateManager, stages, environment, publish, handlers } = this.options;
    const { sessionId, mark, wasSealed, epoch } = this.start;
    this.#stopIfClosed();
    if (this.#lock === undefined) {
      this.#locking = stateManager.lock(sessionId, handlers);
      this.#lock = await this.#locking;
    }
    this.#stopIfClosed();
    const context = { sessionId, clock: environment.clock, ...fileSystemOf(environment) };
    const source = await definition.source.open(mark.source ?? undefined, context);
    this.#source = source;
    if (this.#isClosed) this.#closeSource();
    await this.#checkIdentity(source);
    this.#stopIfClosed();
    const isDurable = stages.some((stage) => stage.durable);
    const witness = await this.#opened(stateManager.witness(sessionId));
    const journal = isDurable ? await this.#opened(stateManager.journal(sessionId, epoch)) : undefined;
    this.#stopIfClosed();
    const { sink: output, deadLetter } = definition;
    await assertDistinctFiles(
      source,
      { sink: output, 'dead-letter sink': deadLetter },
      environment.fileSystem,
    );
    const sinkContext = source.columns === undefined ? context : { ...context, columns: source.columns };
    const sink = await this.#opened(output.open(mark.sink ?? undefined, wasSealed, sinkContext));
    const threads = await openThreads(this.options.workers, stages, (error) => this.fail(error));
    if (threads !== undefined) this.#closeLater(threads);
    const rows = openRows({
      ...{ sessionId, epoch, stages, definition, environment, mark, wasSealed, openContext: context },
      ...{ source, sink, journal, marker: witness, threads, publish },
      context: () => (this.#isClosed ? undefined : this.#context),
      send: (event) => this.send(event),
      fail: (error) => this.fail(error),
    });
    this.#closeLater(rows);
    this.#parts = { source, journal, rows };
    this.#stopIfClosed();
    this.send({ type: 'sink.opened', sink: sink.position });
  }

  /** A run that was ended while it was opening goes no further: it touches no sink, and `release` frees its lock. */
  #stopIfClosed(): void {
    if (this.#isClosed) throw new Error('closed while opening');
  }

  #source: OpenSource<unknown> | undefined;
  /** What writes: the lock is held until these are closed. */
  readonly #closers: { close(): Promise<void> }[] = [];

  /** While it is being opened it may cut what is there already: then it is waited for as well. */
  #opened<T extends { close(): Promise<void> } | undefined>(opening: Promise<T>): Promise<T> {
    this.#closeLater({ close: async () => (await opening)?.close() });
    return opening;
  }

  #closeLater(part: { close(): Promise<void> }): void {
    this.#closers.push(part);
    if (this.#isClosed) part.close().catch(() => {});
  }

  /** I15: the input must be the one that the session began with, up to where it got. */
  async #checkIdentity(source: OpenSource<unknown>): Promise<void> {
    const { mark, sourceIdentity, force } = this.start;
    if (mark.source === null) return;
    const how = await compareIdentity(sourceIdentity, source, mark.source);
    if (how === 'changed' && !force)
      throw new PipelineMismatchError(['the input before the committed position has changed']);
    if (how === 'grown') {
      const message = 'The input has grown since the session was saved; the new rows are read as well.';
      this.options.publish({ type: 'notice', message });
    }
  }

  /** Rows are worked on from now on: time counts, and asks for checkpoints. */
  activate(): void {
    const { definition, stateManager } = this.options;
    this.#pace.start(checkpointEveryMs(definition, stateManager), () => this.send({ type: 'commit.due' }));
  }

  /** Paused, or ended: time stands still. */
  deactivate(): void {
    this.#pace.stop();
  }

  /** Milliseconds that rows were worked on, over all processes. */
  get elapsedMs(): number {
    return this.#pace.elapsedMs;
  }

  get #context(): ExecutorContext {
    return (this.actor.getSnapshot() as { readonly context: ExecutorContext }).context;
  }

  /** Answers the machine, unless the run is over. */
  send(event: ExecutorEvent): void {
    if (!this.#isClosed) sendAnswer(this.actor, event);
  }

  fail(error: unknown): void {
    if (this.#isClosed) return;
    this.failure ??= error;
    this.send({ type: 'failure', error: errorData(error) });
  }

  /** What has to be done first, once open: every part of the work waits for it.
   * @param before what has to be over before it is opened. */
  begin(first: () => Promise<void>, before?: Promise<unknown>): void {
    const opened = before === undefined ? this.open() : before.then(() => this.open());
    this.#begun = opened.then(() => (this.#isClosed ? undefined : first()));
    this.#begun.catch((error: unknown) => this.fail(error));
  }

  /** Runs a part of the work; whatever it throws ends the run. */
  do(work: (parts: OpenParts) => Promise<void>): void {
    (this.#begun ?? this.open())
      .then(() => (this.#parts === undefined || this.#isClosed ? undefined : work(this.#parts)))
      .catch((error: unknown) => this.fail(error));
  }

  read(params: ReadRequest): void {
    this.do(({ rows }) => rows.readBatches(params));
  }

  write({ from, upTo }: WriteRequest): void {
    this.do(async ({ rows }) => {
      const counters = await rows.appendBatches(from, upTo);
      this.send({ type: 'sink.written', upTo, counters });
    });
  }

  flush(): void {
    this.#pace.startCommit();
    this.do(async ({ rows, source }) => {
      const covered = this.#context.flushing;
      // The recording as well, so that it is never behind the last commit that was announced, however the process ends.
      const [{ sink, deadLetter }] = await Promise.all([rows.flushSinks(), this.recording?.flush()]);
      const identity = covered?.source ? await identityOf(source, covered.source) : undefined;
      // Together with the mark that it belongs to: a run that has ended meanwhile keeps both as they were.
      if (this.#isClosed) return;
      if (identity !== undefined) this.writer.sourceIdentity = identity;
      const elapsedMs = Math.round(this.elapsedMs);
      this.send({ type: 'sink.flushed', sink, deadLetter, elapsedMs });
    });
  }

  save(): void {
    this.do(async ({ journal }) => {
      const mark = await this.writer.save();
      if (mark === undefined) return;
      this.send({
        type: 'checkpoint.saved',
        minimumPause: this.#pace.startMinimumPause(() => this.send({ type: 'minimumPause.over' })),
      });
      if (mark.batches > 0) {
        const { rowsIn, rowsOut, done } = mark;
        const upTo = mark.batches - 1;
        const size = journal && { journalBytes: journal.size };
        this.options.publish({ type: 'batches.committed', upTo, rowsIn, rowsOut, done, ...size });
      }
      // A resume may fall back to the checkpoint before this one (I9), and must not invoke again what that one still needs.
      await journal?.trim(this.#coveredBefore);
      this.#coveredBefore = mark.batches;
    });
  }

  publish(): void {
    this.do(async ({ rows }) => {
      await rows.publishSinks();
      if (this.#isClosed) return;
      // Before anybody hears of the completion, so that whoever ends the process then leaves a completed session.
      await this.writer.save('COMPLETED');
      this.send({ type: 'sink.published' });
    });
  }

  /** Ends the run, now: aborts every attempt, answers nothing any more, closes without waiting (I17). */
  abort(reason: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.deactivate();
    this.rows?.abortAttempts(reason);
    this.#closeSource();
    for (const part of this.#closers) part.close().catch(() => {});
  }

  /** Nobody waits for it: a generator may never answer. */
  #closeSource(): void {
    this.#source?.close().catch(() => {});
  }

  /** After the last checkpoint is saved: another process may have the session, once nothing here writes any more. Nobody
   * waits long for a sink that does not close: the lock is freed when it has. */
  async release(how = 'closed'): Promise<void> {
    this.abort(undefined);
    await this.#locking?.catch(() => {});
    await this.recording?.close(how);
    const closed = Promise.all(this.#closers.map((part) => part.close().catch(() => {})));
    let stopTimer = () => {};
    const patience = new Promise<void>((resolve) => {
      stopTimer = this.options.environment.clock.setTimer(resolve, CLOSE_PATIENCE_MS);
    });
    const lock = this.#lock;
    this.#lock = undefined;
    const released = closed.then(() => lock?.release());
    released.catch(() => {});
    await Promise.race([released, patience]);
    stopTimer();
  }
}

function fileSystemOf({ fileSystem }: Environment): Pick<Environment, 'fileSystem'> {
  return fileSystem === undefined ? {} : { fileSystem };
}
