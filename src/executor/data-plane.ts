/**
 * Where the rows are (I3): keyed by batch, never seen by a machine. It decodes, runs attempts, journals and encodes.
 *
 * 1. A batch holds its rows in one form at a time: raw (not decoded), rows, or encoded for the sink.
 * 2. Adjacent synchronous row stages run in one pass over each row, when the first of them is reached; those after it find
 *    their work done. Every stage keeps its own figures, errors and events.
 * 3. A durable stage's output is in the journal before anyone sees it, and takes the JSON round trip here too, so that the
 *    next stage sees the same on the live path and after a resume (I8).
 * 4. What errors cost is noted per batch and counted only when the batch is written, so that nothing counts twice (I12).
 */
import { emptyTally, type Json, type JsonObject, type StageTally } from '../../machines/facts.js';
import type { Journal } from '../checkpoint/journal.js';
import {
  MalformedRowError,
  messageOf,
  PipelineError,
  type PoisonBatchError,
  RowError,
  StageError,
} from '../errors.js';
import type { EncodedRows, OpenSink } from '../sinks/sink.js';
import type { SourceBatch } from '../sources/source.js';
import {
  type AttemptMemory,
  type AttemptResult,
  newAttemptMemory,
  type RowFailure,
  runAttempt,
} from '../stages/attempt.js';
import type { ChainTally } from '../stages/chain.js';
import type { AnyStage, OnError, StageContext } from '../stages/stage.js';
import { Chains } from './chains.js';
import { errorFacts } from './error-facts.js';
import { decodeOutput, encodeOutput } from './journal-record.js';
import { LossLedger } from './losses.js';
import type { EventDraft } from './publish.js';

/** A batch in flight, with its rows. */
export interface PlaneBatch {
  readonly index: number;
  /** Rows of the source before it. */
  readonly rowOffset: number;
  /** Rows it had in the source. */
  readonly size: number;
  readonly position: JsonObject;
  readonly done: number;
  raw: SourceBatch<unknown> | null;
  rows: readonly unknown[] | null;
  encoded: EncodedRows | null;
  /** Stages whose work is in it. */
  reached: number;
  /** A failure that a pass met beyond the stage it began at. */
  failedAhead: { readonly stage: number; readonly error: unknown } | null;
  malformed: number;
  readonly tallies: StageTally[];
  readonly losses: LossLedger;
  deadLetters: JsonObject[];
  /** Its output is on its way to the journal: no deadline may undo it. */
  isJournaling: boolean;
  /** Results of rows that need not be tried again, while a row stage is retried. */
  memory: AttemptMemory | null;
}

export interface PlaneOptions {
  readonly stages: readonly AnyStage[];
  /** Per stage: tells its output, and that of all before it, from those of other code. */
  readonly fingerprints: readonly string[];
  readonly sink: OpenSink<unknown>;
  readonly journal: Journal | undefined;
  readonly onMalformed: 'fail' | 'skip' | 'dead-letter';
  readonly publish: (draft: EventDraft) => void;
}

/** How an attempt of one stage over one batch went well. */
export interface AttemptFigures {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly durable: boolean;
}

export class DataPlane {
  readonly #batches = new Map<number, PlaneBatch>();
  readonly #chains: Chains;

  constructor(private readonly options: PlaneOptions) {
    this.#chains = new Chains(options.stages);
  }

  /** Takes a batch in. Resolves to the first stage that has to see it: past those whose output is journaled (I5). */
  async admit(index: number, rowOffset: number, source: SourceBatch<unknown>): Promise<number> {
    const batch: PlaneBatch = {
      index,
      rowOffset,
      size: source.size,
      position: source.position,
      done: source.done,
      raw: source,
      rows: null,
      encoded: null,
      reached: 0,
      failedAhead: null,
      malformed: 0,
      tallies: this.options.stages.map((stage) => emptyTally(stage.name)),
      losses: new LossLedger(),
      deadLetters: [],
      isJournaling: false,
      memory: null,
    };
    this.#batches.set(index, batch);
    if (this.options.journal !== undefined) await this.#takeFromJournal(batch, this.options.journal);
    return batch.reached;
  }

  /** One attempt of a stage over a batch; synchronous when all of it was. Throws, or rejects with, what went wrong. */
  attempt(
    stageIndex: number,
    index: number,
    contextOf: (stageIndex: number) => StageContext,
  ): AttemptFigures | Promise<AttemptFigures> {
    const batch = this.#batch(index);
    const stage = this.#stage(stageIndex);
    if (batch.failedAhead?.stage === stageIndex) throw batch.failedAhead.error;
    if (batch.reached > stageIndex) return this.#figures(batch, stageIndex, false);
    if (this.#sharePass(batch, stageIndex, contextOf)) return this.#figures(batch, stageIndex, false);
    const context = contextOf(stageIndex);
    const rows = this.#rowsOf(batch);
    batch.memory ??= newAttemptMemory();
    const result = runAttempt(stage, rows, context, batch.memory);
    if (isPromise(result))
      return result.then((r) => this.#finish(batch, stageIndex, rows.length, r, context));
    return this.#finish(batch, stageIndex, rows.length, result, context);
  }

  /** The process died on the batch too often: its rows are lost and named, none of them is worked on.
   * @throws `error`, where the policy is to fail. */
  condemn(index: number, error: PoisonBatchError, onPoison: OnError): void {
    if (onPoison === 'fail') throw error;
    const batch = this.#batch(index);
    const deadLettered = onPoison === 'dead-letter';
    const rows = this.#rowsOf(batch);
    rows.forEach((row, i) => {
      batch.losses.note(index, i, -1, error);
      if (deadLettered) batch.deadLetters.push(deadLetter('source', batch, i, error, row));
    });
    const facts = errorFacts(error);
    this.options.publish({
      type: 'batch.skipped',
      stage: 'source',
      batch: index,
      rows: rows.length,
      deadLettered,
      error: facts,
    });
    batch.rows = [];
    batch.reached = this.options.stages.length;
  }

  /** The last attempt failed as a whole, and the stage does not end the run for it: every row is lost and named. */
  async loseBatch(stageIndex: number, index: number, error: unknown): Promise<AttemptFigures> {
    const batch = this.#batch(index);
    const stage = this.#stage(stageIndex);
    const rows = this.#rowsOf(batch);
    rows.forEach((row, i) => {
      this.#lose(batch, stageIndex, i, row, error, false);
    });
    this.options.publish({
      type: 'batch.skipped',
      stage: stage.name,
      batch: index,
      rows: rows.length,
      deadLettered: stage.onError === 'dead-letter',
      error: errorFacts(error),
    });
    return this.#conclude(batch, stageIndex, rows.length, []);
  }

  isJournaling(index: number): boolean {
    return this.#batches.get(index)?.isJournaling ?? false;
  }

  /** Rows of the source before the batch. */
  rowOffset(index: number): number {
    return this.#batch(index).rowOffset;
  }

  /** Counts an attempt's time, and that it was not the first. */
  note(stageIndex: number, index: number, busyMs: number, isRetry: boolean): void {
    const tally = this.#batches.get(index)?.tallies[stageIndex];
    if (tally === undefined) return;
    this.#setTally(index, stageIndex, {
      ...tally,
      busyMs: tally.busyMs + busyMs,
      retries: tally.retries + (isRetry ? 1 : 0),
    });
  }

  /** Removes and gives the batches up to `upTo`, in order, encoded. */
  take(from: number, upTo: number): PlaneBatch[] {
    const taken: PlaneBatch[] = [];
    for (let index = from; index <= upTo; index++) {
      const batch = this.#batch(index);
      this.#encode(batch);
      taken.push(batch);
      this.#batches.delete(index);
    }
    return taken;
  }

  /** One pass over each row through this stage and those after it that can share it; false: there is none. */
  #sharePass(batch: PlaneBatch, first: number, contextOf: (stageIndex: number) => StageContext): boolean {
    const chain = this.#chains.from(first);
    if (chain === undefined) return false;
    const malformed: MalformedRowError[] = [];
    const { raw } = batch;
    const pass = chain.run(
      (visit) => {
        if (raw !== null) raw.decode(visit, (error) => malformed.push(error));
        else this.#rowsOf(batch).forEach(visit);
      },
      (place) => contextOf(first + place),
    );
    if (pass.bailed) {
      this.#chains.forget();
      return this.#sharePass(batch, first, contextOf);
    }
    this.#noteMalformed(batch, malformed);
    for (const [place, part] of pass.stages.entries()) {
      if (!this.#adoptPart(batch, first + place, part)) {
        if (place === 0) throw batch.failedAhead?.error;
        return true;
      }
    }
    batch.raw = null;
    batch.rows = pass.rows;
    if (batch.reached === this.options.stages.length) this.#encode(batch);
    return true;
  }

  /** A stage's part in a pass; false: it ends the run, when its turn comes. */
  #adoptPart(batch: PlaneBatch, stageIndex: number, part: ChainTally): boolean {
    const stage = this.#stage(stageIndex);
    const [failure] = part.failures;
    if (failure !== undefined && stage.onError === 'fail') {
      batch.failedAhead = { stage: stageIndex, error: rowError(stage, batch, failure) };
      return false;
    }
    for (const f of part.failures) this.#lose(batch, stageIndex, f.index, f.row, f.error, true);
    this.#count(batch, stageIndex, part.rowsIn, part.rowsOut);
    batch.reached = stageIndex + 1;
    return true;
  }

  #finish(
    batch: PlaneBatch,
    stageIndex: number,
    rowsIn: number,
    result: AttemptResult,
    context: StageContext,
  ): AttemptFigures | Promise<AttemptFigures> {
    if (context.signal.aborted) throw context.signal.reason;
    const stage = this.#stage(stageIndex);
    const [failure] = result.failures;
    if (failure !== undefined) {
      const isLast = context.attempt >= stage.retry.attempts;
      if (!isLast || stage.onError === 'fail') throw rowError(stage, batch, failure);
      for (const f of result.failures) this.#lose(batch, stageIndex, f.index, f.row, f.error, true);
    }
    return this.#conclude(batch, stageIndex, rowsIn, result.rows);
  }

  #conclude(
    batch: PlaneBatch,
    stageIndex: number,
    rowsIn: number,
    rows: readonly unknown[],
  ): AttemptFigures | Promise<AttemptFigures> {
    const stage = this.#stage(stageIndex);
    const { journal } = this.options;
    const done = (): AttemptFigures => {
      batch.raw = null;
      batch.memory = null;
      batch.reached = stageIndex + 1;
      if (batch.reached === this.options.stages.length) this.#encode(batch);
      return this.#figures(batch, stageIndex, stage.durable && journal !== undefined);
    };
    this.#count(batch, stageIndex, rowsIn, rows.length);
    if (!stage.durable || journal === undefined) {
      batch.rows = rows;
      return done();
    }
    const record = encodeOutput(batch, stage.name, this.options.fingerprints[stageIndex] as string, rows);
    batch.isJournaling = true;
    return journal.append({ stage: stage.name, batch: batch.index }, record.payload).then(() => {
      batch.isJournaling = false;
      this.#adopt(batch, stageIndex, record.lines, rows.length);
      return done();
    });
  }

  /** The rows as the journal has them: their text goes straight to a sink of the same form, or is parsed. */
  #adopt(batch: PlaneBatch, stageIndex: number, lines: Uint8Array, rows: number): void {
    const isLast = stageIndex + 1 === this.options.stages.length;
    const { sink } = this.options;
    if (isLast && sink.encodeJsonLines !== undefined) {
      batch.encoded = sink.encodeJsonLines(lines, rows);
      batch.rows = null;
    } else {
      batch.rows = decodeOutput.rows(lines);
    }
  }

  async #takeFromJournal(batch: PlaneBatch, journal: Journal): Promise<void> {
    for (let i = this.options.stages.length - 1; i >= 0; i--) {
      const stage = this.#stage(i);
      if (!stage.durable) continue;
      const payload = await journal.read({ stage: stage.name, batch: batch.index });
      if (payload === undefined) continue;
      const found = decodeOutput.record(payload, batch, this.options.fingerprints[i] as string);
      if (found === undefined) continue;
      batch.raw = null;
      batch.malformed = found.malformed;
      found.tallies.forEach((tally, k) => {
        batch.tallies[k] = tally;
      });
      batch.losses.add(found.losses);
      batch.deadLetters = [...found.deadLetters];
      batch.reached = i + 1;
      this.#adopt(batch, i, found.lines, found.rows);
      const { rowsIn, rowsOut } = batch.tallies[i] as StageTally;
      const { name } = stage;
      const figures = { rowsIn, rowsOut, attempt: 0, durationMs: 0, durable: true, replayed: true };
      this.options.publish({ type: 'batch.completed', stage: name, batch: batch.index, ...figures });
      return;
    }
  }

  /** Decodes what was not decoded yet. @throws {MalformedRowError} where the policy is to fail. */
  #rowsOf(batch: PlaneBatch): readonly unknown[] {
    if (batch.rows !== null) return batch.rows;
    const rows: unknown[] = [];
    const malformed: MalformedRowError[] = [];
    batch.raw?.decode(
      (row) => rows.push(row),
      (error) => malformed.push(error),
    );
    this.#noteMalformed(batch, malformed);
    batch.rows = rows;
    batch.raw = null;
    return rows;
  }

  #noteMalformed(batch: PlaneBatch, malformed: readonly MalformedRowError[]): void {
    const [first] = malformed;
    if (first === undefined) return;
    const { onMalformed, publish } = this.options;
    if (onMalformed === 'fail') throw first;
    batch.malformed += malformed.length;
    const deadLettered = onMalformed === 'dead-letter';
    malformed.forEach((error, row) => {
      batch.losses.note(batch.index, row, -1, error);
      const facts = errorFacts(error);
      publish({ type: 'row.failed', stage: 'source', batch: batch.index, row, deadLettered, error: facts });
      if (deadLettered) batch.deadLetters.push(deadLetter('source', batch, row, error, null));
    });
  }

  #lose(
    batch: PlaneBatch,
    stageIndex: number,
    row: number,
    value: unknown,
    error: unknown,
    tell: boolean,
  ): void {
    const stage = this.#stage(stageIndex);
    const deadLettered = stage.onError === 'dead-letter';
    batch.losses.note(batch.index, row, stageIndex, error);
    if (deadLettered) batch.deadLetters.push(deadLetter(stage.name, batch, row, error, value));
    const tally = batch.tallies[stageIndex] as StageTally;
    batch.tallies[stageIndex] = deadLettered
      ? { ...tally, deadLettered: tally.deadLettered + 1 }
      : { ...tally, skipped: tally.skipped + 1 };
    if (!tell) return;
    const facts = errorFacts(error);
    this.options.publish({
      type: 'row.failed',
      stage: stage.name,
      batch: batch.index,
      row,
      deadLettered,
      error: facts,
    });
  }

  #count(batch: PlaneBatch, stageIndex: number, rowsIn: number, rowsOut: number): void {
    const tally = batch.tallies[stageIndex] as StageTally;
    batch.tallies[stageIndex] = { ...tally, batches: 1, rowsIn, rowsOut };
  }

  #setTally(index: number, stageIndex: number, tally: StageTally): void {
    const batch = this.#batches.get(index);
    if (batch !== undefined) batch.tallies[stageIndex] = tally;
  }

  #encode(batch: PlaneBatch): void {
    batch.encoded ??= this.options.sink.encode(this.#rowsOf(batch));
    batch.rows = null;
  }

  #figures(batch: PlaneBatch, stageIndex: number, durable: boolean): AttemptFigures {
    const { rowsIn, rowsOut } = batch.tallies[stageIndex] as StageTally;
    return { rowsIn, rowsOut, durable };
  }

  #batch(index: number): PlaneBatch {
    const batch = this.#batches.get(index);
    if (batch === undefined) throw new StageError(`Batch ${index} is not in flight.`);
    return batch;
  }

  #stage(index: number): AnyStage {
    return this.options.stages[index] as AnyStage;
  }
}

function rowError(stage: AnyStage, batch: PlaneBatch, failure: RowFailure): RowError {
  const { index, error } = failure;
  const where = `Stage "${stage.name}", batch ${batch.index} (from row ${batch.rowOffset} of the source), its row ${index}`;
  return new RowError(stage.name, index, `${where}: ${messageOf(error)}`, { cause: error });
}

/** One line of the dead-letter file: the row, where it failed, and why. */
function deadLetter(
  stage: string,
  batch: PlaneBatch,
  row: number,
  error: unknown,
  value: unknown,
): JsonObject {
  const { index, rowOffset } = batch;
  const at = error instanceof MalformedRowError ? { file: error.file, byte: error.byte } : {};
  return {
    stage,
    batch: index,
    rowOffset,
    row,
    error: { ...errorFacts(error) },
    ...at,
    value: jsonOf(value),
  };
}

function jsonOf(value: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') as Json;
  } catch {
    return String(value);
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Errors of ours that mean the run is wrong, whatever a stage's `onError` says. */
export function endsTheRun(error: unknown): boolean {
  return (
    error instanceof PipelineError &&
    (error.code === 'MALFORMED_ROW' || error.code === 'SINK' || error.code === 'CORRUPT_JOURNAL')
  );
}
