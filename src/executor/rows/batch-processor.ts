/**
 * Holds the rows (I3), keyed by batch and never seen by a machine. Decodes them, runs attempts, journals and encodes.
 *
 * 1. A batch holds its rows in one form at a time: raw, decoded, or encoded for the sink.
 * 2. Fused stages run when the first of them is reached. Each stage keeps its own counters, errors and events.
 * 3. The output of a durable stage is journaled before the next stage gets it (I8): `outputs/output-keeper.ts`.
 * 4. Losses are recorded per batch and counted when the batch is written, so that nothing counts twice (I12).
 * 5. (I26) A journaled output is used for the very rows that it was made from. A journaled batch keeps its size: `journaledSize`.
 */
import type { Journal } from '../../checkpoint/journal/journal.js';
import { type PoisonBatchError, StageError } from '../../errors.js';
import type { OpenSink } from '../../sinks/sink.js';
import type { SourceBatch } from '../../sources/source.js';
import {
  type AttemptResult,
  keptRows,
  runAfterHook,
  runAttempt,
  takeFirstSlot,
} from '../../stages/attempt.js';
import { abortOf } from '../../stages/attempt-context.js';
import type { CallGate } from '../../stages/calls/call-gate.js';
import type { AnyStage, OnError, StageContext } from '../../stages/stage.js';
import { isThenable } from '../../stages/thenable.js';
import type { FusedStageCounters } from '../fusion/fuse.js';
import { type FusedOutput, FusionRunner } from '../fusion/fusion-runner.js';
import type { FusionThreads } from '../fusion/thread-job.js';
import { type AttemptOutcome, metricsOf, outcomeOf, type UnfinishedAttempt } from './attempt-outcome.js';
import { type CallAttempt, CallProcessor } from './calls/call-processor.js';
import { refusedLosses } from './holding/loss-ceiling.js';
import { InFlightBatch, type InFlightBatchOptions } from './in-flight-batch.js';
import { JournaledOutputs, type StageRecord } from './journaled-outputs.js';
import type { KeyedStages } from './keyed/keyed-stages.js';
import { OutputKeeper } from './outputs/output-keeper.js';
import { rowError } from './row-errors.js';
import { judgedError, judgedRowError, rememberLosses } from './row-verdicts.js';
import type { RunSpending } from './spending/run-spending.js';

const NONE_LOST: readonly number[] = [];

export interface BatchProcessorOptions extends InFlightBatchOptions {
  /** Per stage: tells its output, and that of all stages before it, from the output of other code. */
  readonly fingerprints: readonly string[];
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  readonly threads: FusionThreads | undefined;
  readonly sessionId: string;
  /** Per stage: asked before its calls; undefined: the stage has none. */
  readonly gates: readonly (CallGate | undefined)[];
  readonly spending: RunSpending;
  /** Undefined: no stage keeps state by key. */
  readonly keyed: KeyedStages | undefined;
}

export class BatchProcessor {
  readonly #batches = new Map<number, InFlightBatch>();
  readonly #fusion: FusionRunner;
  readonly #journaled: JournaledOutputs;
  readonly #calls: CallProcessor;
  readonly #outputs: OutputKeeper;

  constructor(private readonly options: BatchProcessorOptions) {
    this.#fusion = new FusionRunner(options);
    this.#journaled = new JournaledOutputs(options);
    this.#calls = new CallProcessor(options);
    this.#outputs = new OutputKeeper(options);
  }

  /** Rows of a batch when its output was journaled; undefined: no output of it is. */
  journaledSize(index: number, rowOffset: number): undefined | Promise<number | undefined> {
    if (!this.#journaled.mayHold(index)) return undefined;
    return this.#journaled.sizeOf(index, rowOffset).then((n) => n ?? this.#calls.sizeOf(index, rowOffset));
  }

  /** Adds a batch. Gives the first stage that has to process it: after those whose output is journaled (I5). */
  enqueueBatch(index: number, rowOffset: number, source: SourceBatch<unknown>): number | Promise<number> {
    const batch = new InFlightBatch(index, rowOffset, source, this.options);
    this.#batches.set(index, batch);
    if (this.#journaled.mayHold(index)) return this.#findJournaled(batch);
    this.options.keyed?.admitBatch(index, batch.reached, []);
    return batch.reached;
  }

  async #findJournaled(batch: InFlightBatch): Promise<number> {
    const { keyed } = this.options;
    const records = await this.#journaled.findFor(batch);
    const [found] = keyed?.usableOf(records, batch.reached) ?? records;
    if (found !== undefined) this.#restoreFromJournal(batch, found);
    keyed?.admitBatch(batch.index, batch.reached, records);
    return batch.reached;
  }

  /** One attempt of a stage over a batch; synchronous when all of it was. Throws, or rejects with, what failed. */
  processBatch(
    stageIndex: number,
    index: number,
    contextOf: (stageIndex: number) => StageContext,
  ): AttemptOutcome | PromiseLike<AttemptOutcome> {
    const batch = this.#batch(index);
    if (batch.failedAhead?.stage === stageIndex) throw batch.failedAhead.error;
    if (batch.reached > stageIndex) return this.#repeatAfterHook(batch, stageIndex, contextOf(stageIndex));
    const output = this.#fusion.processBatch(batch, stageIndex, contextOf);
    const conclude = (fused: FusedOutput | undefined) =>
      fused === undefined
        ? this.#processAlone(batch, stageIndex, contextOf(stageIndex))
        : this.#adoptFused(batch, stageIndex, fused);
    return isThenable(output) ? output.then(conclude) : conclude(output as FusedOutput | undefined);
  }

  /** Whether the stage has to be asked for with `processCalls`. */
  makesCalls(stageIndex: number, index: number): boolean {
    return this.#calls.makesCalls(stageIndex) && this.#batch(index).reached <= stageIndex;
  }

  /** Calls of the stage at once, where they are counted over all batches. */
  resizeCalls(stageIndex: number, concurrency: number): void {
    this.#calls.resize(stageIndex, concurrency);
  }

  /** One attempt of a stage that makes calls. Rejects with what failed. */
  async processCalls(
    stageIndex: number,
    index: number,
    run: CallAttempt,
  ): Promise<AttemptOutcome | UnfinishedAttempt> {
    const batch = this.#batch(index);
    const { end } = await this.#calls.runAttempt(batch, stageIndex, run);
    switch (end.kind) {
      case 'defer':
      case 'hold':
        return end;
      case 'failed':
        throw judgedError(this.#stage(stageIndex), batch, end.failure);
      case 'synchronous': {
        this.#calls.forgetCalls(stageIndex);
        takeFirstSlot(batch.memoryOf(stageIndex), end.memory, batch.decodeRows().length);
        return this.#processAlone(batch, stageIndex, run.context);
      }
      case 'done': {
        const outcome = await this.#outputs.keepCalls(batch, stageIndex, end.outputs, run.attempt > 1);
        await this.#calls.callAfter(stageIndex, run.context, outcome.rowsOut);
        return end.fromJournal ? { ...outcome, fromJournal: true } : outcome;
      }
    }
  }

  /** Whether a stage's output is kept already: only its `after` hook can fail then. */
  hasOutput(stageIndex: number, index: number): boolean {
    return this.#batch(index).reached > stageIndex;
  }

  /** The last attempt failed as a whole, and the stage's `onError` does not end the run: every row is lost and named, except those
   * of which an earlier attempt kept the output. */
  async loseBatch(stageIndex: number, index: number, error: unknown): Promise<AttemptOutcome> {
    const batch = this.#batch(index);
    if (batch.reached > stageIndex) return this.#outputs.outcomeOf(batch, stageIndex);
    const rows = batch.decodeRows().length;
    const memory = batch.memoryOf(stageIndex);
    const failed = Array.from({ length: rows }, (_, row) => row).filter((row) => !memory.kept?.has(row));
    this.options.losses?.admitLosses(stageIndex, rows, failed, error);
    batch.loseRows(stageIndex, failed, error);
    const outcome = await this.#outputs.keepOutput(batch, stageIndex, rows, keptRows(memory));
    this.options.keyed?.passBatch(stageIndex, index);
    return outcome;
  }

  /** Its rows are lost and named, and no stage gets them. @throws `error`, where the policy is to fail. */
  quarantineBatch(index: number, error: PoisonBatchError, onPoison: OnError): void {
    if (onPoison === 'fail') throw error;
    const batch = this.#batch(index);
    this.options.keyed?.skipBatch(index, batch.reached);
    batch.loseToPoison(onPoison, error);
  }

  isJournaling(index: number): boolean {
    return this.#batches.get(index)?.isJournaling ?? false;
  }

  /** Where the batch is in the source. */
  placeOf(index: number): StageContext['batch'] {
    return this.#batch(index).place;
  }

  /** (I26) Hash of the batch's rows in the source. */
  inputHashOf(index: number): string {
    return this.#batch(index).inputHash;
  }

  /** Counts an attempt's duration, and a retry. */
  countAttempt(stageIndex: number, index: number, busyMs: number, isRetry: boolean): void {
    this.#batches.get(index)?.countAttempt(stageIndex, busyMs, isRetry);
  }

  /** Removes and returns the batches from `from` up to and including `upTo`, in order and encoded. */
  takeFinishedBatches(from: number, upTo: number): InFlightBatch[] {
    const taken: InFlightBatch[] = [];
    for (let index = from; index <= upTo; index++) {
      const batch = this.#batch(index);
      this.#outputs.encode(batch);
      taken.push(batch);
      this.#batches.delete(index);
    }
    return taken;
  }

  #processAlone(
    batch: InFlightBatch,
    stageIndex: number,
    context: StageContext,
  ): AttemptOutcome | PromiseLike<AttemptOutcome> {
    const rows = batch.decodeRows();
    const keep = (result: AttemptResult) => this.#keepResult(batch, stageIndex, rows.length, result, context);
    const { keyed } = this.options;
    if (keyed?.isKeyed(stageIndex)) return keyed.runBatch(stageIndex, batch.index, rows, keep);
    return runAttempt(this.#stage(stageIndex), rows, context, batch.memoryOf(stageIndex), keep);
  }

  #repeatAfterHook(
    batch: InFlightBatch,
    stageIndex: number,
    context: StageContext,
  ): AttemptOutcome | PromiseLike<AttemptOutcome> {
    const outcome = this.#outputs.outcomeOf(batch, stageIndex);
    const called = runAfterHook(this.#stage(stageIndex), context, outcome.rowsOut);
    return isThenable(called) ? called.then(() => outcome) : outcome;
  }

  /** Takes over the output of fused stages. */
  #adoptFused(
    batch: InFlightBatch,
    first: number,
    { counters, malformed, out }: FusedOutput,
  ): AttemptOutcome {
    batch.recordMalformed(malformed);
    for (const [place, stageCounters] of counters.entries()) {
      if (this.#adoptCounters(batch, first + place, stageCounters)) continue;
      if (place === 0) throw batch.failedAhead?.error;
      return outcomeOf(batch, first, false);
    }
    if ('lines' in out)
      this.#outputs.adoptLines(batch, batch.reached - 1, [{ lines: out.lines, rows: out.count }]);
    else if ('encoded' in out) batch.holdEncoded(out.encoded);
    else batch.holdRows(out.rows);
    if (batch.reached === this.options.stages.length) this.#outputs.encode(batch);
    return outcomeOf(batch, first, false);
  }

  /** @returns false: the stage's failure ends the run, when its turn comes. */
  #adoptCounters(batch: InFlightBatch, stageIndex: number, counters: FusedStageCounters): boolean {
    const stage = this.#stage(stageIndex);
    const [failure] = counters.failures;
    if (failure !== undefined && stage.onError === 'fail') {
      batch.failedAhead = { stage: stageIndex, error: rowError(stage, batch, failure) };
      return false;
    }
    for (const { index, row, error } of counters.failures) batch.loseRow(stageIndex, index, row, error);
    const lost = counters.failures.map(({ index }) => index);
    if (stage.onError !== 'fail')
      this.options.losses?.recordLosses(stageIndex, counters.rowsIn, lost, failure?.error);
    batch.countRows(stageIndex, counters.rowsIn, counters.rowsOut);
    batch.reached = stageIndex + 1;
    return true;
  }

  /** Keeps the result of an attempt, unless it is too late or has to be tried again. */
  #keepResult(
    batch: InFlightBatch,
    stageIndex: number,
    rowsIn: number,
    { rows, failures }: AttemptResult,
    context: StageContext,
  ): AttemptOutcome | PromiseLike<AttemptOutcome> {
    abortOf(context).throwIfAborted();
    const stage = this.#stage(stageIndex);
    const isRetry = context.attempt > 1;
    const memory = batch.memoryOf(stageIndex);
    if (failures.length + memory.lost.length === 0) {
      if (stage.onError !== 'fail')
        this.options.losses?.admitLosses(stageIndex, rowsIn, NONE_LOST, undefined);
      return this.#outputs.keepOutput(batch, stageIndex, rowsIn, rows, isRetry);
    }
    const decisive = rememberLosses(stage, memory, failures, context.attempt);
    if (decisive !== undefined) throw judgedRowError(stage, batch, decisive);
    const refused = refusedLosses(this.options.losses, stageIndex, rowsIn, memory);
    if (refused !== undefined) throw refused;
    const takeBackLosses = batch.savepointLosses();
    for (const { index, row, error } of memory.lost) batch.loseRow(stageIndex, index, row, error);
    const undo = (error: unknown): never => {
      takeBackLosses();
      throw error;
    };
    try {
      const outcome = this.#outputs.keepOutput(batch, stageIndex, rowsIn, rows, isRetry);
      return isThenable(outcome) ? outcome.then(undefined, undo) : outcome;
    } catch (error) {
      return undo(error);
    }
  }

  #restoreFromJournal(batch: InFlightBatch, { stageIndex, record }: StageRecord): void {
    batch.restoreFromJournal(record, stageIndex);
    this.#outputs.adoptLines(batch, stageIndex, [record]);
    this.options.publish({
      type: 'batch.completed',
      ...{ stage: this.#stage(stageIndex).name, batch: batch.index },
      ...metricsOf(batch, stageIndex, true),
      ...{ attempt: 0, durationMs: 0, fromJournal: true },
    });
  }

  #batch(index: number): InFlightBatch {
    const batch = this.#batches.get(index);
    if (batch !== undefined) return batch;
    throw new StageError(`Batch ${index} is not in flight.`);
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}
