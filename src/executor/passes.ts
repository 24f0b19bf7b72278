/**
 * The passes that neighbouring synchronous row stages share, here or in a worker thread. Which stages share one is worked
 * out once, and again when a stage turns out to be asynchronous.
 *
 * What comes back from a thread is JSON; until one is up, the run does the work itself.
 */
import type { OpenSink } from '../sinks/sink.js';
import { abortOf } from '../stages/abortable.js';
import { rememberAsynchronous } from '../stages/chain.js';
import type { AnyStage, StageContext } from '../stages/stage.js';
import { Chains } from './chains.js';
import { type PassResult, runPass } from './pass.js';
import type { PlaneBatch } from './plane-batch.js';
import { type PassThreads, receivedMalformed, receivedPart, unwritable } from './threads/pass-job.js';

/** What a pass made of a batch. */
export interface Passed extends Pick<PassResult, 'parts' | 'malformed'> {
  /** What came out, as rows, as the sink takes them, or as JSON Lines. */
  readonly out: PassResult['out'] | { readonly lines: Uint8Array; readonly count: number };
}

type ContextOf = (stageIndex: number) => StageContext;

export interface PassesOptions {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly threads: PassThreads | undefined;
  readonly sink: Pick<OpenSink<unknown>, 'encode'>;
}

export class Passes {
  readonly #chains: Chains;

  constructor(private readonly options: PassesOptions) {
    this.#chains = new Chains(options.stages);
  }

  /** Takes a batch through stage `first` and those after it that share a pass with it; undefined: it shares none. */
  over(
    batch: PlaneBatch,
    first: number,
    contextOf: ContextOf,
  ): Passed | Promise<Passed | undefined> | undefined {
    return this.#inThread(batch, first, contextOf) ?? this.#here(batch, first, contextOf);
  }

  #here(batch: PlaneBatch, first: number, contextOf: ContextOf): Passed | undefined {
    const { sink, stages } = this.options;
    const chain = this.#chains.from(first);
    if (chain === undefined) return undefined;
    const isLast = first + chain.length === stages.length;
    const passed = runPass({
      chain,
      decode: (row, malformed) => batch.forEachRow(row, malformed),
      contextOf: (place) => contextOf(first + place),
      encode: isLast ? (rows, firstIndex) => sink.encode(rows, firstIndex) : undefined,
    });
    if (passed.bailed) this.#chains.forget();
    return passed.parts.length === 0 ? undefined : passed;
  }

  #inThread(batch: PlaneBatch, first: number, contextOf: ContextOf): Promise<Passed | undefined> | undefined {
    const { threads, sessionId, stages } = this.options;
    if (!threads?.isReady) return undefined;
    const chain = this.#chains.from(first);
    const raw = chain === undefined ? undefined : batch.raw?.raw?.();
    if (chain === undefined || raw === undefined) return undefined;
    const context = contextOf(first);
    const { index, rowOffset } = batch;
    const job = {
      sessionId,
      first,
      stages: chain.length,
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
        this.#chains.forget();
        return this.over(batch, first, contextOf);
      }
      return {
        parts: answer.parts.map(receivedPart),
        malformed: answer.malformed.map(receivedMalformed),
        out: { lines: answer.lines, count: answer.rows },
      };
    });
  }
}
