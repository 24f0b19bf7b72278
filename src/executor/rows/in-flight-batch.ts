/**
 * A batch in flight: its rows, in one form at a time (raw, decoded, or encoded for the sink), and what is known of it. What
 * errors cost is noted here, and counted only when the batch is written, so that nothing counts twice (I12).
 */
import { emptyStageCounters, type JsonObject, type StageCounters } from '../../../machines/context.js';
import type { MalformedRowError } from '../../errors.js';
import { errorData } from '../../platform/error-data.js';
import type { EncodedRows } from '../../sinks/sink.js';
import type { MalformedPolicy, SourceBatch } from '../../sources/source.js';
import type { AttemptMemory } from '../../stages/attempt.js';
import type { AnyStage, OnError } from '../../stages/stage.js';
import type { EventDraft } from '../publish.js';
import { deadLetterOf } from './dead-letter.js';
import type { BatchMetadata, JournaledOutput } from './journal-record.js';
import { LossLedger } from './losses.js';

export interface InFlightBatchOptions {
  readonly stages: readonly AnyStage[];
  readonly onMalformed: MalformedPolicy;
  readonly publish: (draft: EventDraft) => void;
}

type Undecoded = Pick<SourceBatch<unknown>, 'decode' | 'raw' | 'release'>;
/** Counted in place: a copy for each change would cost more than the counting. */
type Tally = { -readonly [K in keyof StageCounters]: StageCounters[K] };

export class InFlightBatch {
  /** Rows it had in the source. */
  readonly size: number;
  readonly position: JsonObject;
  readonly done: number;
  /** Rows that nobody has decoded yet; text that is at hand stays here beside what it was decoded to. */
  raw: Undecoded | null;
  /** Decoded rows; null while they are raw, and once they are encoded. */
  decoded: readonly unknown[] | null = null;
  encoded: readonly EncodedRows[] | null = null;
  /** Stages whose work is in it. */
  reached = 0;
  /** A failure that a pass met beyond the stage it began at. */
  failedAhead: { readonly stage: number; readonly error: unknown } | null = null;
  malformed = 0;
  readonly counters: Tally[];
  readonly losses = new LossLedger();
  deadLetters: JsonObject[] = [];
  #isText = false;
  /** Its output is on its way to the journal: no deadline may undo it. */
  isJournaling = false;
  /** Results of rows that need not be tried again, while a row stage is retried. */
  memory: AttemptMemory | null = null;

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
    this.raw = source;
    this.counters = options.stages.map((stage) => emptyStageCounters(stage.name));
  }

  /** Decoded rows. @throws {MalformedRowError} where the policy is to fail. */
  decodeRows(): readonly unknown[] {
    if (this.decoded !== null) return this.decoded;
    const rows: unknown[] = [];
    const malformed: MalformedRowError[] = [];
    this.#undecoded.decode(
      (row) => rows.push(row),
      (error) => malformed.push(error),
    );
    this.recordMalformed(malformed);
    if (this.#isText) this.decoded = rows;
    else this.holdRows(rows);
    return rows;
  }

  /** Visits the rows without keeping them, whatever form they are in. */
  forEachRow(row: (value: unknown) => void, malformed: (error: MalformedRowError) => void): void {
    if (this.decoded === null) this.#undecoded.decode(row, malformed);
    else for (const value of this.decoded) row(value);
  }

  holdRows(rows: readonly unknown[]): void {
    this.decoded = rows;
    this.#leaveRaw();
  }

  /** Rows whose text is at hand: they are parsed when somebody asks for them, and are young then.
   * @param decode gives the same rows whenever it is called. */
  holdText(decode: Undecoded['decode']): void {
    this.decoded = null;
    this.#leaveRaw();
    this.raw = { decode };
    this.#isText = true;
  }

  /** For a while nobody will ask for the rows: they need not be kept decoded. */
  keepAsText(): void {
    this.memory = null;
    if (this.#isText) this.decoded = null;
  }

  holdEncoded(encoded: readonly EncodedRows[]): void {
    this.encoded = encoded;
    this.decoded = null;
    this.#leaveRaw();
  }

  /** @throws where the rows are in no form that could be visited: none of them would be lost in silence. */
  get #undecoded(): Undecoded {
    if (this.raw === null) throw new Error(`Batch ${this.index} holds no rows any more.`);
    return this.raw;
  }

  #leaveRaw(): void {
    this.raw?.release?.();
    this.raw = null;
    this.#isText = false;
  }

  recordMalformed(malformed: readonly MalformedRowError[]): void {
    const [first] = malformed;
    if (first === undefined) return;
    const { onMalformed, publish } = this.options;
    if (onMalformed === 'fail') throw first;
    this.malformed += malformed.length;
    const deadLettered = onMalformed === 'dead-letter';
    malformed.forEach((error, ordinal) => {
      const row = error.row ?? ordinal;
      this.losses.recordLoss(this.index, row, -1, error);
      if (deadLettered) this.deadLetters.push(deadLetterOf('source', this, row, error, null));
      const facts = errorData(error);
      publish({ type: 'row.failed', stage: 'source', batch: this.index, row, deadLettered, error: facts });
    });
  }

  /** A row failed for good in a stage, and the run goes on without it. */
  loseRow(stageIndex: number, row: number, value: unknown, error: unknown): void {
    const stage = this.#stage(stageIndex);
    this.#note(stageIndex, row, value, error);
    const deadLettered = stage.onError === 'dead-letter';
    const facts = errorData(error);
    const { index: batch } = this;
    this.options.publish({ type: 'row.failed', stage: stage.name, batch, row, deadLettered, error: facts });
  }

  /** @returns the way back to what it has lost by now: an attempt that comes to nothing loses nothing (I12). */
  savepointLosses(): () => void {
    const unlose = this.losses.savepoint();
    const letters = this.deadLetters.length;
    const tallies = this.counters.map(({ skipped, deadLettered }) => ({ skipped, deadLettered }));
    return () => {
      unlose();
      this.deadLetters.length = letters;
      for (const [i, counts] of tallies.entries()) Object.assign(this.#tally(i), counts);
    };
  }

  /** All its rows failed in a stage at once. */
  loseAll(stageIndex: number, error: unknown): number {
    const stage = this.#stage(stageIndex);
    const rows = this.decodeRows();
    rows.forEach((value, row) => {
      this.#note(stageIndex, row, value, error);
    });
    this.#skipped(stage.name, rows.length, stage.onError, error);
    return rows.length;
  }

  /** All its rows are given up before any stage has seen them. */
  loseToPoison(onPoison: OnError, error: unknown): void {
    const rows = this.decodeRows();
    rows.forEach((value, row) => {
      this.losses.recordLoss(this.index, row, -1, error);
      if (onPoison === 'dead-letter') this.deadLetters.push(deadLetterOf('source', this, row, error, value));
    });
    this.#skipped('source', rows.length, onPoison, error);
    this.holdRows([]);
    this.reached = this.options.stages.length;
  }

  countRows(stageIndex: number, rowsIn: number, rowsOut: number): void {
    const counters = this.#tally(stageIndex);
    counters.batches = 1;
    counters.rowsIn = rowsIn;
    counters.rowsOut = rowsOut;
  }

  /** An attempt's time, and that it was not the first. */
  countAttempt(stageIndex: number, busyMs: number, isRetry: boolean): void {
    const countersOf = this.#tally(stageIndex);
    countersOf.busyMs += busyMs;
    if (isRetry) countersOf.retries++;
  }

  /** What is known of it, with one more retry of a stage. */
  withRetry(stageIndex: number): BatchMetadata {
    const { index, rowOffset, size, malformed, deadLetters, losses } = this;
    const tally = this.#tally(stageIndex);
    const counters = this.counters.with(stageIndex, { ...tally, retries: tally.retries + 1 });
    return { index, rowOffset, size, malformed, deadLetters, losses, counters };
  }

  tally(stageIndex: number): StageCounters {
    return this.#tally(stageIndex);
  }

  /** What a journaled output says of the batch; its rows are taken separately. */
  restoreFromJournal(found: JournaledOutput, stageIndex: number): void {
    this.#leaveRaw();
    this.malformed = found.malformed;
    found.tallies.forEach((tally, i) => {
      this.counters[i] = { ...tally };
    });
    this.losses.addLosses(found.losses);
    this.deadLetters = [...found.deadLetters];
    this.reached = stageIndex + 1;
  }

  #note(stageIndex: number, row: number, value: unknown, error: unknown): void {
    const stage = this.#stage(stageIndex);
    this.losses.recordLoss(this.index, row, stageIndex, error);
    const tally = this.#tally(stageIndex);
    if (stage.onError === 'dead-letter') {
      this.deadLetters.push(deadLetterOf(stage.name, this, row, error, value));
      tally.deadLettered++;
    } else {
      tally.skipped++;
    }
  }

  #skipped(stage: string, rows: number, onError: OnError, error: unknown): void {
    const { index: batch } = this;
    const facts = errorData(error);
    const deadLettered = onError === 'dead-letter';
    this.options.publish({ type: 'batch.skipped', stage, batch, rows, deadLettered, error: facts });
  }

  #tally(stageIndex: number): Tally {
    return this.counters[stageIndex] as Tally;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}
