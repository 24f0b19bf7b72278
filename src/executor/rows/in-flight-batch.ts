/**
 * A batch in flight: its rows, in one form at a time (raw, decoded, or encoded for the sink), and its counters. Losses are
 * recorded here and counted when the batch is written, so that nothing counts twice (I12).
 */
import { emptyStageCounters, type JsonObject, type StageCounters } from '../../../machines/context.js';
import type { MalformedRowError } from '../../errors.js';
import { errorData } from '../../platform/thrown.js';
import type { EncodedRows } from '../../sinks/sink.js';
import { hashOfRows } from '../../sources/rows-hash.js';
import type { MalformedPolicy, SourceBatch } from '../../sources/source.js';
import { type AttemptMemory, newAttemptMemory } from '../../stages/attempt.js';
import type { AnyStage, OnError, StageContext } from '../../stages/stage.js';
import { isFusible } from '../fusion/fuse.js';
import type { EventDraft } from '../publish.js';
import { deadLetterOf, firstStageOf, malformedDeadLetterOf } from './dead-letter.js';
import { type LossCeiling, SOURCE } from './holding/loss-ceiling.js';
import type { BatchMetadata, JournaledOutput } from './journal-record.js';
import { LossLedger } from './losses.js';

const NONE_LOST: readonly number[] = [];

export interface InFlightBatchOptions {
  readonly stages: readonly AnyStage[];
  readonly onMalformed: MalformedPolicy;
  readonly publish: (draft: EventDraft) => void;
  /** Undefined: any number of rows may be lost. */
  readonly losses: LossCeiling | undefined;
}

type Undecoded = Pick<SourceBatch<unknown>, 'decode' | 'raw' | 'release'>;
/** Counted in place: a copy for each change would cost more than the counting. */
type MutableCounters = { -readonly [K in keyof StageCounters]: StageCounters[K] };

export class InFlightBatch implements BatchMetadata {
  /** Rows in the source. */
  readonly size: number;
  readonly position: JsonObject;
  readonly done: number;
  /** The file of its rows, if they are from one. */
  readonly file: string | undefined;
  /** Rows that are not decoded yet. */
  raw: Undecoded | null;
  /** Decoded rows; null while they are raw, and once they are encoded. */
  decoded: readonly unknown[] | null = null;
  encoded: readonly EncodedRows[] | null = null;
  /** Stages whose work is in it, or that its rows do not pass. */
  reached: number;
  /** A failure of a fused stage after the one that the attempt began at. */
  failedAhead: { readonly stage: number; readonly error: unknown } | null = null;
  malformed = 0;
  readonly counters: MutableCounters[];
  readonly losses = new LossLedger();
  deadLetters: JsonObject[] = [];
  /** Its output is being journaled: no deadline may undo that. */
  isJournaling = false;
  /** Results that need not be computed again, while a stage is retried. */
  #memory: AttemptMemory | null = null;
  #firstAnswer: { readonly stage: number; readonly answer: PromiseLike<unknown> } | null = null;
  /** Decodes rows that are held as text. */
  #decodeText: (() => readonly unknown[]) | undefined;
  #inputHash: string | undefined;
  /** The batch as it was read, until its hash is known or its memory is released. */
  #source: SourceBatch<unknown> | undefined;

  constructor(
    readonly index: number,
    /** Rows of the source before it. */
    readonly rowOffset: number,
    source: SourceBatch<unknown>,
    private readonly options: InFlightBatchOptions,
  ) {
    this.size = source.size;
    this.position = source.position;
    this.done = source.done;
    this.file = source.file;
    this.raw = source;
    this.#source = source;
    this.counters = options.stages.map((stage) => emptyStageCounters(stage.name));
    this.reached = firstStageOf(options.stages, source);
  }

  /** Where it is in the source, for stages. */
  get place(): StageContext['batch'] {
    const { index, rowOffset, file } = this;
    return file === undefined ? { index, rowOffset } : { index, rowOffset, file };
  }

  /** (I26) Of its rows in the source. */
  get inputHash(): string {
    if (this.#inputHash === undefined) {
      const source = this.#source;
      this.#inputHash = source === undefined ? '' : (source.hash?.() ?? hashOfRows(rowsOf(source)));
      this.#source = undefined;
    }
    return this.#inputHash;
  }

  /** What attempts over it in a stage remember. */
  memoryOf(stageIndex: number): AttemptMemory {
    const first = this.#firstAnswer?.stage === stageIndex ? this.#firstAnswer.answer : undefined;
    if (first !== undefined) this.#firstAnswer = null;
    this.#memory ??= newAttemptMemory(first);
    return this.#memory;
  }

  forgetAttempts(): void {
    this.#memory = null;
  }

  /** The function of a stage has been called for the first row that it will get, and returned this promise. */
  keepFirstAnswer(stage: number, answer: PromiseLike<unknown>): void {
    this.#firstAnswer = { stage, answer };
  }

  /** Decoded rows. @throws {MalformedRowError} where the policy is to fail. */
  decodeRows(): readonly unknown[] {
    this.decoded ??= this.#decodeText?.() ?? null;
    if (this.decoded !== null) return this.decoded;
    const rows: unknown[] = [];
    const malformed: MalformedRowError[] = [];
    this.#undecoded.decode(
      (row) => rows.push(row),
      (error) => malformed.push(error),
    );
    this.recordMalformed(malformed);
    this.holdRows(rows);
    return rows;
  }

  /** Visits the rows without keeping them, in whatever form they are. */
  forEachRow(row: (value: unknown) => void, malformed: (error: MalformedRowError) => void): void {
    const rows = this.decoded ?? this.#decodeText?.();
    if (rows === undefined) this.#undecoded.decode(row, malformed);
    else for (const value of rows) row(value);
  }

  holdRows(rows: readonly unknown[]): void {
    this.decoded = rows;
    this.#releaseRaw();
  }

  /** Keeps rows as text, and decodes them on demand: the garbage collector frees them early.
   * @param decode gives the same rows at every call. */
  holdText(decode: () => readonly unknown[]): void {
    this.decoded = null;
    this.#releaseRaw();
    this.#decodeText = decode;
  }

  /** Drops decoded rows that can be decoded again: they are not needed for a while. */
  dropDecoded(): void {
    if (this.#decodeText !== undefined) this.decoded = null;
  }

  holdEncoded(encoded: readonly EncodedRows[]): void {
    this.encoded = encoded;
    this.decoded = null;
    this.#releaseRaw();
  }

  /** @throws when the batch holds its rows in no form: they must not be lost silently. */
  get #undecoded(): Undecoded {
    if (this.raw === null) throw new Error(`Batch ${this.index} holds no rows.`);
    return this.raw;
  }

  #releaseRaw(): void {
    const release = this.raw?.release;
    if (release !== undefined) {
      // Fused stages have finished by now; only others can ask for an idempotency key later.
      if (!this.options.stages.every(isFusible)) void this.inputHash;
      this.#source = undefined;
      release();
    }
    this.raw = null;
    this.#decodeText = undefined;
  }

  recordMalformed(malformed: readonly MalformedRowError[]): void {
    const [first] = malformed;
    if (first === undefined) {
      this.options.losses?.recordLosses(SOURCE, this.size, NONE_LOST, undefined);
      return;
    }
    const { onMalformed, publish } = this.options;
    if (onMalformed === 'fail') throw first;
    this.malformed += malformed.length;
    const deadLettered = onMalformed === 'dead-letter';
    const lost = malformed.map(({ row }, ordinal) => row ?? ordinal);
    this.options.losses?.recordLosses(SOURCE, this.size, lost, first);
    malformed.forEach((thrown, ordinal) => {
      const row = thrown.row ?? ordinal;
      this.losses.recordLoss(this.index, row, -1, thrown);
      if (deadLettered) this.deadLetters.push(malformedDeadLetterOf(this, row, thrown));
      const error = errorData(thrown);
      publish({ type: 'row.failed', stage: 'source', batch: this.index, row, deadLettered, error });
    });
  }

  /** A row failed for good in a stage, and the run continues without it. */
  loseRow(stageIndex: number, row: number, value: unknown, thrown: unknown): void {
    const stage = this.#stage(stageIndex);
    this.#recordLoss(stageIndex, row, value, thrown);
    const deadLettered = stage.onError === 'dead-letter';
    const error = errorData(thrown);
    const { index: batch } = this;
    this.options.publish({ type: 'row.failed', stage: stage.name, batch, row, deadLettered, error });
  }

  /** @returns a function that takes back later losses: an attempt without a result loses nothing (I12). */
  savepointLosses(): () => void {
    const restoreLedger = this.losses.savepoint();
    const letters = this.deadLetters.length;
    const counters = this.counters.map(({ skipped, deadLettered }) => ({ skipped, deadLettered }));
    return () => {
      restoreLedger();
      this.deadLetters.length = letters;
      for (const [i, counts] of counters.entries()) Object.assign(this.#countersOf(i), counts);
    };
  }

  /** Rows that failed in a stage at once, most often all. */
  loseRows(stageIndex: number, failed: readonly number[], error: unknown): void {
    const rows = this.decodeRows();
    if (failed.length < rows.length) {
      for (const row of failed) this.loseRow(stageIndex, row, rows[row], error);
      return;
    }
    for (const [row, value] of rows.entries()) this.#recordLoss(stageIndex, row, value, error);
    const { name, onError } = this.#stage(stageIndex);
    this.#publishSkipped(name, rows.length, onError, error);
  }

  /** It is quarantined: all its rows are lost before the first stage. */
  loseToPoison(onPoison: OnError, error: unknown): void {
    const rows = this.decodeRows();
    rows.forEach((value, row) => {
      this.losses.recordLoss(this.index, row, -1, error);
      if (onPoison === 'dead-letter') this.deadLetters.push(deadLetterOf('source', this, row, error, value));
    });
    this.#publishSkipped('source', rows.length, onPoison, error);
    this.holdRows([]);
    this.reached = this.options.stages.length;
  }

  countRows(stageIndex: number, rowsIn: number, rowsOut: number): void {
    const counters = this.#countersOf(stageIndex);
    counters.batches = 1;
    counters.rowsIn = rowsIn;
    counters.rowsOut = rowsOut;
  }

  /** Counts an attempt's duration, and a retry. */
  countAttempt(stageIndex: number, busyMs: number, isRetry: boolean): void {
    const counters = this.#countersOf(stageIndex);
    counters.busyMs += busyMs;
    if (isRetry) counters.retries++;
  }

  /** Its metadata with one more retry of a stage. */
  withRetry(stageIndex: number): BatchMetadata {
    const { index, rowOffset, size, inputHash, malformed, deadLetters, losses } = this;
    const own = this.#countersOf(stageIndex);
    const counters = this.counters.with(stageIndex, { ...own, retries: own.retries + 1 });
    return { index, rowOffset, size, inputHash, malformed, deadLetters, losses, counters };
  }

  countersOf(stageIndex: number): StageCounters {
    return this.#countersOf(stageIndex);
  }

  /** Takes over the metadata of a journal record. Its rows are adopted separately. */
  restoreFromJournal(record: JournaledOutput, stageIndex: number): void {
    this.#releaseRaw();
    this.malformed = record.malformed;
    record.tallies.forEach((counters, i) => {
      this.counters[i] = { ...counters };
    });
    this.losses.addLosses(record.losses);
    this.deadLetters = [...record.deadLetters];
    this.reached = stageIndex + 1;
  }

  #recordLoss(stageIndex: number, row: number, value: unknown, error: unknown): void {
    const stage = this.#stage(stageIndex);
    this.losses.recordLoss(this.index, row, stageIndex, error);
    const counters = this.#countersOf(stageIndex);
    if (stage.onError === 'dead-letter') {
      this.deadLetters.push(deadLetterOf(stage.name, this, row, error, value));
      counters.deadLettered++;
    } else {
      counters.skipped++;
    }
  }

  #publishSkipped(stage: string, rows: number, onError: OnError, thrown: unknown): void {
    const { index: batch } = this;
    const error = errorData(thrown);
    const deadLettered = onError === 'dead-letter';
    this.options.publish({ type: 'batch.skipped', stage, batch, rows, deadLettered, error });
  }

  #countersOf(stageIndex: number): MutableCounters {
    return this.counters[stageIndex] as MutableCounters;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}

function rowsOf(source: SourceBatch<unknown>): unknown[] {
  const rows: unknown[] = [];
  source.decode(
    (row) => rows.push(row),
    () => rows.push(null),
  );
  return rows;
}
