/** A session that redrives another one keeps its own source and outputs: those of the pipeline are the first session's. */
import type { Checkpoint } from '../../../checkpoint/envelope.js';
import { describedDeadLetters } from '../../../sources/dead-letters/described-dead-letters.js';
import type { PipelineLike } from '../../definition.js';

type Stored = Pick<Checkpoint, 'source' | 'sink'>;

/** The pipeline without the parts that are rebuilt from the checkpoint; of any other session, the pipeline as it is. */
export function withoutRedrivenEnds(
  pipeline: Partial<PipelineLike> | undefined,
  { source, sink }: Stored,
): Partial<PipelineLike> | undefined {
  if (pipeline === undefined || describedDeadLetters(source) === undefined) return pipeline;
  const { source: _, sink: first, options, ...rest } = pipeline;
  const { deadLetter: __, ...others } = options ?? {};
  return { ...rest, ...(sink === null && first !== undefined && { sink: first }), options: others };
}
