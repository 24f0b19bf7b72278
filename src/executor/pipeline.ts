/**
 * The builder: `pipeline(name).from(source).pipe(stage).to(sink).run()`. A stage that does not fit the one before it does not
 * compile.
 */

import { isObject } from '../formats/json.js';
import type { AnyStage, Stage } from '../stages/stage.js';
import { definePipeline, isStage, type PipelineLike, type PipelineOptions } from './definition.js';
import { type SinkLike, type SourceLike, toSource } from './endpoints/endpoints.js';
import { type PipelineRun, type RunOptions, runPipeline } from './run-pipeline.js';

/** A pipeline, put together: what `run`, `execute` and the command line take. */
// biome-ignore lint/suspicious/noExplicitAny: the rows of the source met their stage in pipe().
export interface Pipeline<T> extends PipelineLike<any, T> {
  readonly stages: readonly AnyStage[];
  readonly options: PipelineOptions;
  /** Runs it; durable by default. Rejects with what ended the run.
   * @returns a promise of the result, with the run's `sessionId`, `pause` and `cancel`. */
  run(options?: RunOptions): PipelineRun<T>;
}

/** A pipeline whose stages are being listed; `T` is the row that the next stage receives. */
export interface PipelineSteps<T> {
  /** Adds a stage, which takes the rows that the one before it gives. */
  pipe<O>(stage: Stage<T, O>): PipelineSteps<O>;
  /** @throws {InvalidOptionError} when the whole is not right: two stages of one name, an option out of range. */
  to(sink: SinkLike<T>): Pipeline<T>;
}

/** Begins a pipeline: `from`, then `pipe` for every stage, then `to`.
 * @param name in messages, and by which `resume: 'last'` finds its sessions.
 * @example
 * await pipeline('reviews').from(jsonl('in.jsonl')).pipe(map('tidy', tidy)).to(jsonl('out.jsonl')).run(); */
export function pipeline(
  name: string,
  options: PipelineOptions = {},
): {
  /** Names where the rows come from. */
  from<T>(source: SourceLike<T>): PipelineSteps<T>;
} {
  // Once: rows in memory count how often they were read.
  return { from: (source) => steps({ name, options, source: toSource(source) }, []) };
}

function steps<T>(
  begun: { readonly name: string; readonly options: PipelineOptions; readonly source: SourceLike<unknown> },
  stages: readonly AnyStage[],
): PipelineSteps<T> {
  return {
    pipe: (stage) => steps(begun, [...stages, stage]),
    to(sink) {
      const whole = { ...begun, sink, stages };
      definePipeline(whole, stages);
      return { ...whole, run: (options) => runPipeline<T>(whole, options) };
    },
  };
}

/** A pipeline in a variable. It is checked again, because a pipeline file may have no types. */
export function isPipeline(value: unknown): value is Pipeline<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { name, stages, source, sink, run } = value as Partial<Pipeline<unknown>>;
  return (
    typeof name === 'string' &&
    Array.isArray(stages) &&
    stages.every(isStage) &&
    isObject(source) &&
    isObject(sink) &&
    typeof run === 'function'
  );
}
