import type { ExecutorContext, ExecutorSettings } from '../../../../machines/context.js';
import type { Checkpoint } from '../../../checkpoint/envelope.js';
import type { StateManager } from '../../../checkpoint/state-manager.js';
import type { PipelineDefinition } from '../../definition.js';

export const DEFAULT_CHECKPOINT_EVERY_MS = 5_000;

/** Milliseconds after which a checkpoint is due even with few rows; `false`: never. */
export function checkpointEveryMs(
  definition: PipelineDefinition,
  stateManager: StateManager,
): number | false {
  return definition.checkpointEveryMs ?? stateManager.checkpointEveryMs ?? DEFAULT_CHECKPOINT_EVERY_MS;
}

/** Whether a checkpoint is due by time; by rows, the machine decides. */
export function isCheckpointDue(
  { written, flushed, settings }: ExecutorContext,
  stateManager: StateManager,
  checkpointEveryMs: number | false,
): boolean {
  const { checkpointInterval } = settings;
  const rowsSinceLast = written.rowsIn - flushed.rowsIn;
  const rhythm = { checkpointInterval, checkpointEveryMs };
  return stateManager.shouldCheckpoint(rowsSinceLast, checkpointEveryMs || 0, rhythm);
}

/** The stored settings of a session. */
export function checkpointSettings(
  definition: PipelineDefinition,
  stateManager: StateManager,
  { maxInFlight, checkpointInterval }: ExecutorSettings,
): Checkpoint['settings'] {
  const { batchSize, deliver } = definition;
  const everyMs = checkpointEveryMs(definition, stateManager);
  const stored = everyMs === false ? null : everyMs;
  const delivers = deliver === undefined ? {} : { delivers: deliver !== false };
  return { batchSize, checkpointEveryMs: stored, maxInFlight, checkpointInterval, ...delivers };
}
