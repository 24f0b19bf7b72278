import type { ExecutorSettings } from '../../../machines/context.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import type { PipelineDefinition } from '../definition.js';

/** Unless told: where rows come slowly, little is done again after a crash. */
const EVERY_MS = 5_000;

/** Milliseconds after which a checkpoint is due though the rows are fewer. */
export function checkpointEveryMs(definition: PipelineDefinition, stateManager: StateManager): number {
  return definition.checkpointEveryMs ?? stateManager.checkpointEveryMs ?? EVERY_MS;
}

/** What of the settings a resume goes by. */
export function checkpointSettings(
  definition: PipelineDefinition,
  stateManager: StateManager,
  { maxInFlight, checkpointInterval }: ExecutorSettings,
): Checkpoint['settings'] {
  const { batchSize } = definition;
  const everyMs = checkpointEveryMs(definition, stateManager);
  return { batchSize, checkpointEveryMs: everyMs, maxInFlight, checkpointInterval };
}
