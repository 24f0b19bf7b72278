import type { ExecutorSettings } from '../../machines/facts.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import type { PipelineDefinition } from './definition.js';

/** What of the settings a resume goes by. */
export function checkpointSettings(
  definition: PipelineDefinition,
  settings: ExecutorSettings,
): Checkpoint['settings'] {
  const { batchSize, checkpointEveryMs } = definition;
  const { maxInFlight, checkpointInterval } = settings;
  return { batchSize, checkpointEveryMs: checkpointEveryMs ?? null, maxInFlight, checkpointInterval };
}
