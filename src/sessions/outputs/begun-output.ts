/**
 * A resumed session keeps writing to the file that it started. For a fork, this is not the file of the pipeline file: an output
 * that continues cannot move to another file.
 */
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { sinkFromDescription } from '../../executor/endpoints/files.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { describedDeadLetters } from '../../sources/dead-letters/described-dead-letters.js';
import { outputsOf } from '../output-owner.js';
import { storedPath } from '../stored-metrics.js';

export interface ResumedPipeline {
  readonly pipeline: Pipeline<unknown>;
  readonly notices: readonly string[];
}

/** The pipeline with the outputs of a session that redrives another one. */
function redriving(
  pipeline: Pipeline<unknown>,
  sink: Checkpoint['sink'],
  deadLetter: Checkpoint['deadLetter'],
): Pipeline<unknown> {
  const { options } = pipeline;
  return {
    ...pipeline,
    ...(sink !== null && { sink: sinkFromDescription(sink) }),
    ...(deadLetter !== null && { options: { ...options, deadLetter: sinkFromDescription(deadLetter) } }),
  };
}

/** The pipeline with the session's own output. */
export function keepBegunOutput(
  pipeline: Pipeline<unknown>,
  { source, sink, deadLetter }: Pick<Checkpoint, 'source' | 'sink' | 'deadLetter'>,
): ResumedPipeline {
  if (describedDeadLetters(source) !== undefined)
    return { pipeline: redriving(pipeline, sink, deadLetter), notices: [] };
  const [begun, today] = [storedPath(sink), outputsOf(pipeline).sink];
  if (begun === undefined || sink?.kind !== today?.kind || begun === storedPath(today))
    return { pipeline, notices: [] };
  // Dead letters stay beside it, too.
  const { deadLetter: _, ...options } = pipeline.options;
  return {
    pipeline: { ...pipeline, sink: sinkFromDescription(sink), options },
    notices: [
      `The session keeps writing to ${begun}, its own output. The pipeline file names ${storedPath(today)}.`,
    ],
  };
}
