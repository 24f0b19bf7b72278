/**
 * `run --limit 20`: the first rows of a pipeline, into outputs of their own. The real output, the results of folds, dead letters, tables
 * and deliveries are not touched.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { toSink, toSource } from '../executor/endpoints/endpoints.js';
import { sinkFromDescription } from '../executor/endpoints/files.js';
import type { Pipeline } from '../executor/pipeline.js';
import { counted } from '../observers/progress/terminal-text.js';
import { jsonlSink } from '../sinks/jsonl.js';
import type { Sink } from '../sinks/sink.js';
import { limitedSource } from '../sources/limited-source.js';
import type { AnyStage } from '../stages/stage.js';
import { shownPath } from './output/report.js';

export interface LimitedPipeline {
  readonly pipeline: Pipeline<unknown>;
  readonly notices: readonly string[];
}

/** @param limit rows; undefined: the pipeline as it is. */
export function limitPipeline(pipeline: Pipeline<unknown>, limit: number | undefined): LimitedPipeline {
  if (limit === undefined) return { pipeline, notices: [] };
  const real = toSink(pipeline.sink);
  const sink = limitedSink(real, pipeline.name, limit);
  const { deadLetter: _, deliver: __, ...options } = pipeline.options;
  const first = limit === 1 ? 'The first row goes' : `The first ${counted(limit, 'row')} go`;
  return {
    pipeline: {
      ...pipeline,
      ...{ source: limitedSource(toSource(pipeline.source), limit), sink, options },
      stages: pipeline.stages.map((stage) => withLimitedResults(stage, pipeline.name, limit)),
    },
    notices:
      sink === real ? [] : [`${first} to ${shownPath(sink.label)}. ${shownPath(real.label)} is not touched.`],
  };
}

/** A keyed stage whose results go to a place of their own; any other stage as it is. */
function withLimitedResults(stage: AnyStage, pipeline: string, limit: number): AnyStage {
  if (stage.kind !== 'batch' || stage.keyed?.to === undefined) return stage;
  const real = toSink(stage.keyed.to as Sink<unknown>);
  const to = limitedSink(real, `${pipeline}-${stage.name}`, limit);
  return { ...stage, keyed: { ...stage.keyed, to } };
}

/** Beside a file, and of its kind; JSON Lines in the working directory for all else: rows of a trial go to no table. */
function limitedSink(real: Sink<unknown>, name: string, limit: number): Sink<unknown> {
  if (real.kind === 'stdout') return real;
  const description = real.describe();
  const { kind, path } = description ?? {};
  if (description !== undefined && (kind === 'jsonl' || kind === 'csv') && typeof path === 'string')
    return sinkFromDescription({ ...description, path: limitedPath(path, limit), publish: 'rename' });
  return jsonlSink(resolve(`${name.replace(/[^\w.-]+/g, '-')}.limit-${limit}.jsonl`));
}

/** `out.jsonl.gz`: `out.limit-20.jsonl.gz`. */
function limitedPath(path: string, limit: number): string {
  const name = basename(path);
  const [extension = ''] = /(\.[^.]+)?(\.gz|\.zst)?$/.exec(name) ?? [];
  return join(dirname(path), `${name.slice(0, name.length - extension.length)}.limit-${limit}${extension}`);
}
