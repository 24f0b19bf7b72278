/**
 * The work of EXECUTING on the open session: read, write, flush, save, publish, deliver.
 *
 * Called by the machine's actions. Calls: the session's `rows`, journal and checkpoint writer. Each answers with an event; an
 * error ends the run by a `failure` event. Without an open session nothing happens.
 *
 * Commit order (I6): sinks flushed, checkpoint saved, `batches.committed` announced, journal trimmed.
 */
import type { ExecutorContext } from '../../../machines/context.js';
import type { ReadRequest, WriteRequest } from '../../../machines/executor-events.js';
import { filesOf } from '../../sinks/files-of.js';
import type { EventDraft } from '../publish.js';
import { spendingOf } from '../receipts.js';
import type { OpenSession } from './opening/open-parts.js';
import type { Session } from './opening/session.js';
import { identityOf } from './opening/source-identity.js';
import type { StoredRecording } from './recording/stored-recording.js';
import { resumedEvent } from './run-events.js';

/** The executor's actions, as far as the work uses them. */
export interface WorkHost {
  readonly session: Session | undefined;
  /** The recording of the run; undefined without one. */
  readonly recording: StoredRecording | undefined;
  /** The machine's context, now. */
  readonly context: ExecutorContext;
  startTimer(session: Session): void;
  publish(sessionId: string, draft: EventDraft): void;
}

export class SessionWork {
  /** Batches that the checkpoint before the newest covers. */
  #coveredBefore = 0;

  constructor(private readonly host: WorkHost) {}

  /** The session has opened at `mark`. */
  begin(coveredBatches: number): void {
    this.#coveredBefore = coveredBatches;
  }

  /** EXECUTING, from PAUSED in this process: the session is still open. */
  continueSession(): void {
    // Before the stages get what they held.
    this.host.session?.parts?.rows.resumeAttempts();
    this.#work(async (_, session) => {
      this.host.startTimer(session);
      this.host.publish(session.id, resumedEvent(this.host.context));
    });
  }

  readBatches(request: ReadRequest): void {
    this.#work(({ rows }) => rows.readBatches(request));
  }

  writeBatches({ from, upTo }: WriteRequest): void {
    this.#work(async ({ rows }, session) => {
      const counters = await rows.appendBatches(from, upTo);
      session.send({ type: 'sink.written', upTo, counters });
    });
  }

  flushSinks(): void {
    this.host.session?.timer?.startCommit();
    this.#work(async ({ rows, source, writer }, session) => {
      const { recording } = this.host;
      const covered = this.host.context.flushing;
      // The recording too: it is never behind the last commit that was announced.
      const flushes = [rows.flushSinks(covered?.batches ?? 0), recording?.flush()] as const;
      const [{ sink, deadLetter, state }] = await Promise.all(flushes);
      const identity = covered?.source ? await identityOf(source, covered.source) : undefined;
      // Together with the mark that it belongs to: a run that has ended meanwhile keeps both as they were.
      if (session.isEnding) return;
      if (identity !== undefined) writer.sourceIdentity = identity;
      const elapsedMs = Math.round(session.elapsedMs ?? 0);
      const kept = state === undefined ? {} : { state };
      session.send({ type: 'sink.flushed', sink, deadLetter, elapsedMs, ...kept });
    });
  }

  saveCheckpoint(): void {
    this.#work(async ({ journal, ledger, rows, writer }, session) => {
      const mark = await writer.save();
      const minimumPause =
        session.timer?.startMinimumPause(() => session.send({ type: 'minimumPause.over' })) ?? false;
      session.send({ type: 'checkpoint.saved', minimumPause });
      if (mark.batches > 0) {
        const { rowsIn, rowsOut, done } = mark;
        const size = journal && { journalBytes: journal.size };
        const upTo = mark.batches - 1;
        this.host.publish(session.id, {
          type: 'batches.committed',
          upTo,
          rowsIn,
          rowsOut,
          done,
          ...size,
          ...spendingOf(ledger),
        });
      }
      // A resume may fall back to the checkpoint before this one (I9), and must not invoke again what that one still needs.
      await writer.keepCopy(mark);
      await journal?.trim(this.#coveredBefore);
      this.#coveredBefore = mark.batches;
      await rows.trimState(mark);
    });
  }

  publishResult(): void {
    this.#work(async ({ rows, writer }, session) => {
      await rows.publishSinks();
      if (session.isEnding) return;
      const { deliver } = session.definition;
      // Before the completion is announced: a process that ends then leaves a completed session.
      if (!deliver) await writer.save('COMPLETED');
      session.send({ type: 'sink.published', ...(deliver ? { delivers: true } : {}) });
    });
  }

  deliverResult(): void {
    this.#work(async ({ delivery, writer }, session) => {
      const { pipeline, written } = this.host.context;
      const paths = filesOf(session.definition.sink);
      const output = { path: paths[0] ?? '', paths, sessionId: session.id, pipeline, rows: written.rowsOut };
      const end = await delivery?.deliver(output);
      if (session.isEnding) return;
      if (end?.kind === 'held') {
        if (end.reason !== undefined) session.send({ type: 'hold', reason: end.reason });
        session.send({ type: 'delivery.held' });
        return;
      }
      await writer.save('COMPLETED');
      session.send({ type: 'output.delivered' });
    });
  }

  #work(work: (parts: OpenSession, session: Session) => Promise<void>): void {
    const { session } = this.host;
    const parts = session?.lifecycle.phase === 'open' ? session.lifecycle.parts : undefined;
    if (session === undefined || parts === undefined) return;
    Promise.resolve()
      .then(() => (session.isEnding ? undefined : work(parts, session)))
      .catch((error: unknown) => session.fail(error));
  }
}
