/**
 * Where a session goes on writing: to the file that it has begun, which of a fork is not the one of its pipeline file. An
 * output that is not begun anew cannot be another one.
 */
import type { Checkpoint } from '../checkpoint/envelope.js';
import { sinkFromDescription } from '../executor/files.js';
import type { Pipeline } from '../executor/pipeline.js';
import { outputsOf } from './output-owner.js';
import { storedPath } from './stored-metrics.js';

export interface ResumedPipeline {
  readonly pipeline: Pipeline<unknown>;
  readonly notices: readonly string[];
}

/** The pipeline, writing on where the session has begun to. */
export function keepBegunOutput(
  pipeline: Pipeline<unknown>,
  { sink }: Pick<Checkpoint, 'sink'>,
): ResumedPipeline {
  const [begun, today] = [storedPath(sink), outputsOf(pipeline).sink];
  if (begun === undefined || sink?.kind !== today?.kind || begun === storedPath(today))
    return { pipeline, notices: [] };
  // What fails goes on beside it, too.
  const { deadLetter: _, ...options } = pipeline.options;
  return {
    pipeline: { ...pipeline, sink: sinkFromDescription(sink), options },
    notices: [`It goes on writing to ${begun}, as it began; the pipeline file says ${storedPath(today)}.`],
  };
}
