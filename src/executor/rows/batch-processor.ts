/**
 * Where the rows are (I3): keyed by batch, never seen by a machine. It decodes, runs attempts, journals and encodes.
 *
 * 1. A batch holds its rows in one form at a time: raw (not decoded), rows, or encoded for the sink.
 * 2. Adjacent synchronous row stages share one pass over a batch, when the first of them is reached; those after it are
 *    told that the batch has passed. Every stage keeps its own figures, errors and events.
 * 3. A durable stage's output is in the journal before anyone sees it, and takes the JSON round trip here too, so that the
 *    next stage sees the same on the live path and after a resume (I8).
 * 4. What errors cost is noted per batch and counted only when the batch is written, so that nothing counts twice (I12).
 */
import type { Journal } from '../../checkpoint/journal/journal.js';
import { messageOf, PipelineError, type PoisonBatchError, RowError, StageError } from '../../errors.js';
import type { OpenSink } from '../../sinks/sink.js';
import type { SourceBatch } from '../../sources/source.js';
import { abortOf } from '../../stages/abortable.js';
import { type AttemptResult, newAttemptMemory, type RowFailure, runAttempt } from '../../stages/attempt.js';
import type { AnyStage, OnError, StageContext } from '../../stages/stage.js';
import type { FusedStageCounters } from '../fusion/fuse.js';
import { type FusedOutput, FusionRunner } from '../fusion/fusion-runner.js';
import type { FusionThreads } from '../fusion/thread-job.js';
import { InFlightBatch, type InFlightBatchOptions } from './in-flight-batch.js';
import { decodeOutput, encodeOutput, type OutputPart } from './journal-record.js';

export interface BatchProcessorOptions extends InFlightBatchOptions {
  /** Per stage: tells its output, and that of all before it, from those of other code. */
  readonly fingerprints: readonly string[];
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  readonly threads: FusionThreads | undefined;
  readonly sessionId: string;
}

/** How an attempt of one stage over one batch went well. */
export interface AttemptMetrics {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly durable: boolean;
}

/** What came of one attempt: of the stage asked for, and of those after it whose work was done in the same pass. */
export interface AttemptOutcome extends AttemptMetrics {
  readonly passed: readonly AttemptMetrics[];
}

export class BatchProcessor {
  readonly #batches = new Map<number, InFlightBatch>();
  readonly #passes: FusionRunner;
  /** No later batch was in the journal when it was opened. */
  readonly #lastJournaled: number;

  constructor(private readonly options: BatchProcessorOptions) {
    this.#passes = new FusionRunner(options);
    this.#lastJournaled = lastOf(options.journal);
  }

  /** Takes a batch in. Resolves to the first stage that has to see it: past those whose output is journaled (I5). */
  async enqueueBatch(index: number, rowOffsetOf: number, source: SourceBatch<unknown>): Promise<number> {
    const batch = new InFlightBatch(index, rowOffsetOf, source, this.options);
    this.#batches.set(index, batch);
    const { journal } = this.options;
    if (journal !== undefined && index <= this.#lastJournaled) await this.#takeFromJournal(batch, journal);
    return batch.reached;
  }

  /** One attempt of a stage over a batch; synchronous when all of it was. Throws, or rejects with, what went wrong. */
  processBatch(
    stageIndex: number,
    index: number,
    contextOf: (stageIndex: number) => StageContext,
  ): AttemptOutcome | Promise<AttemptOutcome> {
    const batch = this.#batch(index);
    if (batch.failedAhead?.stage === stageIndex) throw batch.failedAhead.error;
    const pass = this.#passes.processBatch(batch, stageIndex, contextOf);
    const taken = (passed: FusedOutput | undefined) =>
      passed === undefined
        ? this.#attemptAlone(batch, stageIndex, contextOf(stageIndex))
        : this.#adoptPass(batch, stageIndex, passed);
    return pass instanceof Promise ? pass.then(taken) : taken(pass);
  }

  #attemptAlone(
    batch: InFlightBatch,
    stageIndex: number,
    context: StageContext,
  ): AttemptOutcome | Promise<AttemptOutcome> {
    const rows = batch.decodeRows();
    batch.memory ??= newAttemptMemory();
    const result = runAttempt(this.#stage(stageIndex), rows, context, batch.memory);
    if (!(result instanceof Promise)) return this.#finish(batch, stageIndex, rows.length, result, context);
    return result.then((r) => this.#finish(batch, stageIndex, rows.length, r, context));
  }

  /** The process died on the batch too often: its rows are lost and named, none of them is worked on.
   * @throws `error`, where the policy is to fail. */
  quarantineBatch(index: number, error: PoisonBatchError, onPoison: OnError): void {
    if (onPoison === 'fail') throw error;
    this.#batch(index).loseToPoison(onPoison, error);
  }

  /** The last attempt failed as a whole, and the stage does not end the run for it: every row is lost and named. */
  async loseBatch(stageIndex: number, index: number, error: unknown): Promise<AttemptOutcome> {
    const batch = this.#batch(index);
    const rowsIn = batch.loseAll(stageIndex, error);
    return this.#conclude(batch, stageIndex, rowsIn, []);
  }

  isJournaling(index: number): boolean {
    return this.#batches.get(index)?.isJournaling ?? false;
  }

  /** Rows of the source before the batch. */
  rowOffset(index: number): number {
    return this.#batch(index).rowOffset;
  }

  /** Counts an attempt's time, and that it was not the first. */
  countAttempt(stageIndex: number, index: number, busyMs: number, isRetry: boolean): void {
    this.#batches.get(index)?.countAttempt(stageIndex, busyMs, isRetry);
  }

  /** Removes and gives the batches from `from` up to `upTo`, in order, encoded. */
  takeFinishedBatches(from: number, upTo: number): InFlightBatch[] {
    const taken: InFlightBatch[] = [];
    for (let index = from; index <= upTo; index++) {
      const batch = this.#batch(index);
      this.#encode(batch);
      taken.push(batch);
      this.#batches.delete(index);
    }
    return taken;
  }

  /** Takes over what a pass made of a batch. */
  #adoptPass(batch: InFlightBatch, first: number, { parts, malformed, out }: FusedOutput): AttemptOutcome {
    batch.recordMalformed(malformed);
    for (const [place, part] of parts.entries()) {
      if (this.#adoptPart(batch, first + place, part)) continue;
      if (place === 0) throw batch.failedAhead?.error;
      return outcomeOf(batch, first, false);
    }
    if ('lines' in out) this.#adopt(batch, batch.reached - 1, [{ lines: out.lines, rows: out.count }]);
    else if ('encoded' in out) batch.holdEncoded(out.encoded);
    else batch.holdRows(out.rows);
    if (batch.reached === this.options.stages.length) this.#encode(batch);
    return outcomeOf(batch, first, false);
  }

  /** A stage's part in a pass; false: it ends the run, when its turn comes. */
  #adoptPart(batch: InFlightBatch, stageIndex: number, part: FusedStageCounters): boolean {
    const stage = this.#stage(stageIndex);
    const [failure] = part.failures;
    if (failure !== undefined && stage.onError === 'fail') {
      batch.failedAhead = { stage: stageIndex, error: rowError(stage, batch, failure) };
      return false;
    }
    for (const { index, row, error } of part.failures) batch.loseRow(stageIndex, index, row, error);
    batch.countRows(stageIndex, part.rowsIn, part.rowsOut);
    batch.reached = stageIndex + 1;
    return true;
  }

  /** What an attempt gave: too late, to be tried again, or the stage's output. */
  #finish(
    batch: InFlightBatch,
    stageIndex: number,
    rowsIn: number,
    { rows, failures }: AttemptResult,
    context: StageContext,
  ): AttemptOutcome | Promise<AttemptOutcome> {
    abortOf(context).throwIfAborted();
    const stage = this.#stage(stageIndex);
    const [failure] = failures;
    const isRetry = context.attempt > 1;
    if (failure === undefined) return this.#conclude(batch, stageIndex, rowsIn, rows, isRetry);
    const isLast = context.attempt >= stage.retry.attempts;
    if (!isLast || stage.onError === 'fail') throw rowError(stage, batch, failure);
    const unlose = batch.savepointLosses();
    for (const { index, row, error } of failures) batch.loseRow(stageIndex, index, row, error);
    const undo = (error: unknown): never => {
      unlose();
      throw error;
    };
    try {
      const outcome = this.#conclude(batch, stageIndex, rowsIn, rows, isRetry);
      return outcome instanceof Promise ? outcome.catch(undo) : outcome;
    } catch (error) {
      return undo(error);
    }
  }

  #conclude(
    batch: InFlightBatch,
    stageIndex: number,
    rowsIn: number,
    rows: readonly unknown[],
    isRetry = false,
  ): AttemptOutcome | Promise<AttemptOutcome> {
    const stage = this.#stage(stageIndex);
    const { journal } = this.options;
    batch.countRows(stageIndex, rowsIn, rows.length);
    if (!stage.durable || journal === undefined) {
      batch.holdRows(rows);
      return this.#concluded(batch, stageIndex, false);
    }
    // The attempt itself is counted when it has ended; the record is of a batch that has it behind it.
    const facts = isRetry ? batch.withRetry(stageIndex) : batch;
    const record = encodeOutput(facts, stage.name, this.options.fingerprints[stageIndex] as string, rows);
    batch.isJournaling = true;
    // What went in is kept until then: an output that the journal refuses is an attempt that failed, and may be tried again.
    batch.keepAsText();
    return journal.append({ stage: stage.name, batch: batch.index }, record.payload).then(
      () => {
        batch.isJournaling = false;
        this.#adopt(batch, stageIndex, record.parts);
        return this.#concluded(batch, stageIndex, true);
      },
      (error: unknown) => {
        batch.isJournaling = false;
        throw error;
      },
    );
  }

  #concluded(batch: InFlightBatch, stageIndex: number, durable: boolean): AttemptOutcome {
    batch.memory = null;
    batch.reached = stageIndex + 1;
    if (batch.reached === this.options.stages.length) this.#encode(batch);
    return outcomeOf(batch, stageIndex, durable);
  }

  /** The rows as the journal has them: their text goes straight to a sink of the same form, or is parsed for the next stage. */
  #adopt(batch: InFlightBatch, stageIndex: number, parts: readonly OutputPart[]): void {
    const isLast = stageIndex + 1 === this.options.stages.length;
    const { sink } = this.options;
    const encode = isLast ? sink.encodeJsonLines?.bind(sink) : undefined;
    if (encode === undefined) batch.holdText((row) => decodeOutput.forEachRow(parts, row));
    else batch.holdEncoded(parts.map(({ lines, rows }) => encode(lines, rows)));
  }

  /** The output of the last durable stage that has one there, if it is for these rows and by this code. */
  async #takeFromJournal(batch: InFlightBatch, journal: Journal): Promise<void> {
    for (let i = this.options.stages.length - 1; i >= 0; i--) {
      const stage = this.#stage(i);
      const key = { stage: stage.name, batch: batch.index };
      const payload = stage.durable ? await journal.read(key) : undefined;
      if (payload === undefined) continue;
      const found = decodeOutput.record(payload, batch, this.options.fingerprints[i] as string);
      if (found === undefined) continue;
      batch.restoreFromJournal(found, i);
      this.#adopt(batch, i, [found]);
      const facts = { ...figuresOf(batch, i, true), attempt: 0, durationMs: 0, fromJournal: true };
      this.options.publish({ type: 'batch.completed', ...key, ...facts });
      return;
    }
  }

  #encode(batch: InFlightBatch): void {
    if (batch.encoded === null) batch.holdEncoded([this.options.sink.encode(batch.decodeRows())]);
  }

  #batch(index: number): InFlightBatch {
    const batch = this.#batches.get(index);
    if (batch === undefined) throw new StageError(`Batch ${index} is not in flight.`);
    return batch;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}

function lastOf(journal: Journal | undefined): number {
  let last = -1;
  for (const { batch } of journal?.keys() ?? []) last = Math.max(last, batch);
  return last;
}

function figuresOf(batch: InFlightBatch, stageIndex: number, durable: boolean): AttemptMetrics {
  const { rowsIn, rowsOut } = batch.tally(stageIndex);
  return { rowsIn, rowsOut, durable };
}

const NONE_PASSED: readonly AttemptMetrics[] = [];

function outcomeOf(batch: InFlightBatch, stageIndex: number, durable: boolean): AttemptOutcome {
  const { rowsIn, rowsOut } = batch.tally(stageIndex);
  if (batch.reached <= stageIndex + 1) return { rowsIn, rowsOut, durable, passed: NONE_PASSED };
  const passed: AttemptMetrics[] = [];
  for (let i = stageIndex + 1; i < batch.reached; i++) passed.push(figuresOf(batch, i, false));
  return { rowsIn, rowsOut, durable, passed };
}

function rowError(stage: AnyStage, batch: InFlightBatch, failure: RowFailure): RowError {
  const { index, error } = failure;
  const where = `Stage "${stage.name}", batch ${batch.index} (from row ${batch.rowOffset} of the source), its row ${index}`;
  return new RowError(stage.name, index, `${where}: ${messageOf(error)}`, { cause: error });
}

/** Errors that no stage's `onError` has a say in: the input, the sink, the journal, the session itself. */
const ENDS_THE_RUN = new Set([
  'MALFORMED_ROW',
  'SINK',
  'CORRUPT_JOURNAL',
  'CHECKPOINT_WRITE',
  'SESSION_LOCKED',
]);

export function endsTheRun(error: unknown): boolean {
  return error instanceof PipelineError && ENDS_THE_RUN.has(error.code);
}
