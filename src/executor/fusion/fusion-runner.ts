/**
 * The passes that neighbouring synchronous row stages share, here or in a worker thread. Which stages share one is worked
 * out once, and again when a stage turns out to be asynchronous.
 *
 * 1. A batch goes to a worker thread that has room for it. Where none has, this thread is one more that works: one batch a
 *    turn of the event loop, so that threads that are done meanwhile get their next batch first.
 * 2. What comes back from a thread is JSON, and so is what this one does in their stead: rows look the same wherever
 *    they were worked on.
 */
import { platform } from '#platform';
import type { OpenSink } from '../../sinks/sink.js';
import type { RawRows, SourceBatch } from '../../sources/source.js';
import { abortOf } from '../../stages/abortable.js';
import type { AnyStage, StageContext } from '../../stages/stage.js';
import type { InFlightBatch } from '../rows/in-flight-batch.js';
import { type FusedStages, rememberAsynchronous } from './fuse.js';
import { FusionPlan } from './fusion-plan.js';
import { linesOf, type OutputLines } from './output-lines.js';
import { type FusedBatchResult, type FusedBatchTask, runFusedBatch } from './run-fused-batch.js';
import { deserializeCounters, deserializeMalformed, type FusionThreads, unwritable } from './thread-job.js';

/** What a pass made of a batch. */
export interface FusedOutput extends Pick<FusedBatchResult, 'parts' | 'malformed'> {
  /** What came out, as rows, as the sink takes them, or as JSON Lines. */
  readonly out: FusedBatchResult['out'] | OutputLines;
}

type ContextOf = (stageIndex: number) => StageContext;

export interface FusionRunnerOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly threads: FusionThreads | undefined;
  readonly sink: Pick<OpenSink<unknown>, 'encode' | 'encodeJsonLines'>;
}

export class FusionRunner {
  readonly #plan: FusionPlan;
  /** The last turn of this thread that a batch waits for. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: FusionRunnerOptions) {
    this.#plan = new FusionPlan(options.stages);
  }

  /** Takes a batch through stage `first` and those after it that share a pass with it; undefined: it shares none. */
  processBatch(
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): FusedOutput | Promise<FusedOutput | undefined> | undefined {
    const { threads } = this.options;
    const fused = this.#plan.fusedStagesAt(first);
    if (fused === undefined) return undefined;
    if (threads === undefined || batch.raw?.raw === undefined)
      return this.#here(fused, batch, first, contextOf);
    if (threads.isFree) return this.#inThread(threads, fused, batch, first, contextOf);
    this.#turn = this.#turn.then(() => new Promise<void>((resolve) => platform.soon(resolve)));
    return this.#turn.then(() => {
      abortOf(contextOf(first)).throwIfAborted();
      if (!threads.isFree) return this.#here(this.#plan.fusedStagesAt(first), batch, first, contextOf);
      return this.processBatch(batch, first, contextOf);
    });
  }

  #here(
    fused: FusedStages | undefined,
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): FusedOutput | undefined {
    const { sink, stages, threads } = this.options;
    if (fused === undefined) return undefined;
    const isLast = first + fused.length === stages.length;
    const asLines = threads !== undefined && !(isLast && sink.encodeJsonLines !== undefined);
    const toSink: FusedBatchTask['encode'] = (rows, firstIndex) => sink.encode(rows, firstIndex);
    const passed = runFusedBatch({
      fused,
      decode: (row, malformed) => batch.forEachRow(row, malformed),
      contextOf: (place) => contextOf(first + place),
      encode: asLines ? threads.encode : isLast ? toSink : undefined,
    });
    if (passed.isAsynchronous) this.#plan.invalidate();
    if (passed.parts.length === 0) return undefined;
    const { out, isAsynchronous } = passed;
    if (asLines && 'encoded' in out) return { ...passed, out: linesOf(out.encoded) };
    // A pass that was given up leaves rows as well: JSON like those of any other batch.
    if (threads !== undefined && isAsynchronous && 'rows' in out)
      return { ...passed, out: linesOf([threads.encode(out.rows, 0)]) };
    return passed;
  }

  #inThread(
    threads: FusionThreads,
    fused: FusedStages,
    batch: InFlightBatch,
    first: number,
    contextOf: ContextOf,
  ): Promise<FusedOutput | undefined> {
    const { sessionId, stages } = this.options;
    const raw = (batch.raw as SourceBatch<unknown>).raw?.() as RawRows;
    const context = contextOf(first);
    const { index, rowOffset } = batch;
    const job = {
      sessionId,
      first,
      stages: fused.length,
      batch: index,
      rowOffset,
      attempt: context.attempt,
      raw,
    };
    return threads.run(job).then((answer) => {
      abortOf(context).throwIfAborted();
      if (answer.kind === 'unwritable') throw unwritable(answer.message);
      if (answer.kind === 'bailed') {
        rememberAsynchronous(stages[answer.stage] as AnyStage);
        this.#plan.invalidate();
        return this.processBatch(batch, first, contextOf);
      }
      return {
        parts: answer.parts.map(deserializeCounters),
        malformed: answer.malformed.map(deserializeMalformed),
        out: { lines: answer.lines, count: answer.rows },
      };
    });
  }
}
