/**
 * Runs fused stages over batches, here or in worker threads.
 *
 * 1. A batch goes to a worker thread that has room for it. If none has, the run's own thread does the work: one batch a turn
 *    of the event loop, so that threads that finish meanwhile get their next batch first.
 * 2. Where there are threads, rows out are JSON, whichever thread processed them.
 * 3. A function that turns out to be asynchronous has been called once for its first row: the batch keeps the promise.
 */
import { platform } from '#platform';
import type { OpenSink } from '../../sinks/sink.js';
import type { RawRows, SourceBatch } from '../../sources/source.js';
import { abortOf } from '../../stages/attempt-context.js';
import type { AnyStage, StageContext } from '../../stages/stage.js';
import type { InFlightBatch } from '../rows/in-flight-batch.js';
import { leavesOutRows } from '../rows/outputs/encode-for-sink.js';
import { type FusedStages, markAsynchronous } from './fuse.js';
import { FusionPlan } from './fusion-plan.js';
import { linesOf, type OutputLines } from './output-lines.js';
import { type FusedBatchResult, type FusedBatchTask, runFusedBatch } from './run-fused-batch.js';
import { deserializeError } from './serialized-error.js';
import {
  deserializeAnswer,
  deserializeCounters,
  deserializeMalformed,
  type FusionThreads,
} from './thread-job.js';

/** The result of fused stages over a batch. */
export interface FusedOutput extends Pick<FusedBatchResult, 'counters' | 'malformed'> {
  /** The rows out: as rows, encoded for the sink, or as JSON Lines. */
  readonly out: FusedBatchResult['out'] | OutputLines;
}

type ContextOf = (stageIndex: number) => StageContext;

export interface FusionRunnerOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly threads: FusionThreads | undefined;
  readonly sink: Pick<OpenSink<unknown>, 'encode' | 'encodeJsonLines' | 'problemOf'>;
}

export class FusionRunner {
  readonly #plan: FusionPlan;
  /** The last turn of this thread that a batch waits for. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: FusionRunnerOptions) {
    this.#plan = new FusionPlan(options.stages);
  }

  /** Runs stage `first` and the stages fused with it over a batch. Undefined: `first` is not fusible. */
  processBatch(
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): FusedOutput | Promise<FusedOutput | undefined> | undefined {
    const { threads } = this.options;
    const fused = this.#plan.fusedStagesAt(first);
    if (fused === undefined) return undefined;
    if (threads === undefined || batch.raw?.raw === undefined)
      return this.#processHere(fused, batch, first, contextOf);
    if (threads.hasRoom) return this.#processInThread(threads, batch, first, contextOf);
    this.#turn = this.#turn.then(() => new Promise<void>((resolve) => platform.soon(resolve)));
    return this.#turn.then(() => {
      abortOf(contextOf(first)).throwIfAborted();
      if (!threads.hasRoom)
        return this.#processHere(this.#plan.fusedStagesAt(first), batch, first, contextOf);
      return this.processBatch(batch, first, contextOf);
    });
  }

  #processHere(
    fused: FusedStages | undefined,
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): FusedOutput | undefined {
    const { sink, stages, threads } = this.options;
    if (fused === undefined) return undefined;
    const isLast = first + fused.length === stages.length;
    const asLines = threads !== undefined && !(isLast && sink.encodeJsonLines !== undefined);
    const forSink: FusedBatchTask['encode'] = (rows, firstIndex) => sink.encode(rows, firstIndex);
    const result = runFusedBatch({
      fused,
      decode: (row, malformed) => batch.forEachRow(row, malformed),
      contextOf: (place) => contextOf(first + place),
      encode: asLines ? threads.encode : isLast && !leavesOutRows(this.options) ? forSink : undefined,
    });
    const { counters, malformed, firstAnswer, out } = result;
    if (firstAnswer !== undefined) this.#keepFirstAnswer(batch, first + counters.length, firstAnswer);
    if (counters.length === 0) return undefined;
    if (asLines && 'encoded' in out) return { counters, malformed, out: linesOf(out.encoded) };
    if (threads !== undefined && firstAnswer !== undefined && 'rows' in out)
      return { counters, malformed, out: linesOf([threads.encode(out.rows, 0)]) };
    return result;
  }

  async #processInThread(
    threads: FusionThreads,
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): Promise<FusedOutput | undefined> {
    const { sessionId, stages } = this.options;
    const raw = (batch.raw as SourceBatch<unknown>).raw?.() as RawRows;
    const context = contextOf(first);
    const { index, rowOffset } = batch;
    const { attempt } = context;
    const result = await threads.runJob({
      ...{ sessionId, first, batch: index, rowOffset, attempt, raw },
    });
    abortOf(context).throwIfAborted();
    if (result.kind === 'failed') throw deserializeError(result.error);
    if (result.kind === 'not-fused') {
      markAsynchronous(stages[first] as AnyStage);
      this.#plan.invalidate();
      return this.processBatch(batch, first, contextOf);
    }
    const { counters, malformed, firstAnswer, lines, rows } = result;
    if (firstAnswer !== undefined) {
      const stage = first + counters.length;
      markAsynchronous(stages[stage] as AnyStage);
      this.#keepFirstAnswer(batch, stage, deserializeAnswer(firstAnswer));
    }
    if (counters.length === 0) return undefined;
    return {
      counters: counters.map(deserializeCounters),
      malformed: malformed.map(deserializeMalformed),
      out: { lines, count: rows },
    };
  }

  #keepFirstAnswer(batch: InFlightBatch, stage: number, answer: PromiseLike<unknown>): void {
    batch.keepFirstAnswer(stage, answer);
    this.#plan.invalidate();
  }
}
