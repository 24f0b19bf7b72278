/**
 * Keeps what a stage made of a batch, in the form that is needed next.
 *
 * The output of a durable stage is journaled before the next stage gets it, and takes the JSON round trip here too, so that the
 * next stage sees the same rows on the live path and after a resume (I8).
 */
import type { Journal } from '../../../checkpoint/journal/journal.js';
import type { OpenSink } from '../../../sinks/sink.js';
import type { AnyStage } from '../../../stages/stage.js';
import { type AttemptOutcome, outcomeOf } from '../attempt-outcome.js';
import type { CallOutput } from '../calls/call.js';
import type { LossCeiling } from '../holding/loss-ceiling.js';
import type { InFlightBatch } from '../in-flight-batch.js';
import { decodeOutput, encodeCallsRecord, encodeOutput, type OutputPart } from '../journal-record.js';
import { encodeForSink } from './encode-for-sink.js';

export interface OutputKeeperOptions {
  readonly stages: readonly AnyStage[];
  readonly fingerprints: readonly string[];
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  readonly losses: LossCeiling | undefined;
}

export class OutputKeeper {
  constructor(private readonly options: OutputKeeperOptions) {}

  /** Keeps the rows of a batch whose calls have all ended, in their order (I4). */
  async keepCalls(
    batch: InFlightBatch,
    stageIndex: number,
    outputs: readonly CallOutput[],
    isRetry: boolean,
  ): Promise<AttemptOutcome> {
    const rowsIn = batch.decodeRows().length;
    const takeBackLosses = batch.savepointLosses();
    for (const { lost } of outputs)
      for (const { index, row, error } of lost) batch.loseRow(stageIndex, index, row, error);
    try {
      if (outputs.every(({ rows }) => rows === undefined))
        return await this.#keepJournaled(batch, stageIndex, rowsIn, outputs, isRetry);
      const rows = outputs.flatMap((output) => output.rows ?? []);
      return await this.keepOutput(batch, stageIndex, rowsIn, rows, isRetry);
    } catch (error) {
      takeBackLosses();
      throw error;
    }
  }

  /** The rows are in the journal, call by call: a record of the batch says that they are all there (I5). */
  async #keepJournaled(
    batch: InFlightBatch,
    stageIndex: number,
    rowsIn: number,
    outputs: readonly CallOutput[],
    isRetry: boolean,
  ): Promise<AttemptOutcome> {
    const { journal, fingerprints } = this.options;
    const { name: stage, durable } = this.#stage(stageIndex);
    const rowsOut = outputs.reduce((sum, output) => sum + output.rowsOut, 0);
    const parts = outputs.map((output) => output.parts);
    batch.countRows(stageIndex, rowsIn, rowsOut);
    if (durable && journal !== undefined) {
      const metadata = isRetry ? batch.withRetry(stageIndex) : batch;
      const payload = encodeCallsRecord(metadata, fingerprints[stageIndex] as string, rowsOut, parts);
      batch.isJournaling = true;
      try {
        await journal.append({ stage, batch: batch.index }, payload);
      } finally {
        batch.isJournaling = false;
      }
    }
    this.adoptLines(batch, stageIndex, parts.flat());
    return this.concludeStage(batch, stageIndex);
  }

  keepOutput(
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
      return this.concludeStage(batch, stageIndex);
    }
    // The attempt itself is counted when it has ended, but the record has to count its retry.
    const metadata = isRetry ? batch.withRetry(stageIndex) : batch;
    const record = encodeOutput(metadata, stage.name, this.options.fingerprints[stageIndex] as string, rows);
    batch.isJournaling = true;
    // The input is kept until then: an output that the journal refuses is a failed attempt, which may be retried.
    batch.forgetAttempts();
    batch.dropDecoded();
    return journal.append({ stage: stage.name, batch: batch.index }, record.payload).then(
      () => {
        batch.isJournaling = false;
        this.adoptLines(batch, stageIndex, record.parts);
        return this.concludeStage(batch, stageIndex);
      },
      (error: unknown) => {
        batch.isJournaling = false;
        throw error;
      },
    );
  }

  private concludeStage(batch: InFlightBatch, stageIndex: number): AttemptOutcome {
    batch.forgetAttempts();
    batch.reached = stageIndex + 1;
    if (batch.reached === this.options.stages.length) this.encode(batch);
    return this.outcomeOf(batch, stageIndex);
  }

  outcomeOf(batch: InFlightBatch, stageIndex: number): AttemptOutcome {
    const isDurable = this.#stage(stageIndex).durable && this.options.journal !== undefined;
    return outcomeOf(batch, stageIndex, isDurable);
  }

  /** Takes over rows as text: it goes to a sink of the same form as it is, and is decoded for the next stage. */
  adoptLines(batch: InFlightBatch, stageIndex: number, parts: readonly OutputPart[]): void {
    const isLast = stageIndex + 1 === this.options.stages.length;
    const { sink } = this.options;
    const encode = isLast ? sink.encodeJsonLines?.bind(sink) : undefined;
    if (encode === undefined) batch.holdText(() => decodeOutput(parts));
    else batch.holdEncoded(parts.map(({ lines, rows }) => encode(lines, rows)));
  }

  encode(batch: InFlightBatch): void {
    const { options } = this;
    if (batch.encoded === null) batch.holdEncoded([encodeForSink(options, batch, options.losses)]);
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}
