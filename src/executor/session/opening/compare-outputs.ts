/** Whether output and dead letters of a stored session still hold what it wrote. Changes nothing. */
import type { CheckpointMark } from '../../../../machines/context.js';
import { defaultEnvironment } from '../../../platform/environment.js';
import type { OpenContext } from '../../../platform/open-context.js';
import type { PipelineDefinition } from '../../definition.js';

/** A context for a comparison before the session is open. */
export function comparisonContext(sessionId: string): OpenContext {
  const { clock, fileSystem } = defaultEnvironment();
  return { sessionId, clock, ...(fileSystem === undefined ? {} : { fileSystem }) };
}

/** How the outputs differ from what was written up to the mark; a sink that cannot say is left out.
 * @param depth `all` reads every byte. */
export async function outputDifferences(
  { sink, deadLetter }: Pick<PipelineDefinition, 'sink' | 'deadLetter'>,
  mark: CheckpointMark,
  depth: 'end' | 'all',
  context: OpenContext,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [output, position] of [
    [sink, mark.sink],
    [deadLetter, mark.deadLetter],
  ] as const) {
    const difference = position === null ? undefined : await output?.compare?.(position, depth, context);
    if (difference !== undefined) found.push(difference);
  }
  return found;
}
