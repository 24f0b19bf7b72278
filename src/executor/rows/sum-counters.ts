import {
  addLosses,
  addStageCounters,
  emptyStageCounters,
  NO_LOSSES,
  type WrittenCounters,
} from '../../../machines/context.js';
import type { AnyStage } from '../../stages/stage.js';
import type { InFlightBatch } from './in-flight-batch.js';

/** The counters of consecutive batches, summed, for the event `sink.written`. At least one batch. */
export function sumWrittenCounters(
  batches: readonly InFlightBatch[],
  stages: readonly AnyStage[],
): WrittenCounters {
  const last = batches[batches.length - 1] as InFlightBatch;
  let rowsIn = 0;
  let rowsOut = 0;
  let malformed = 0;
  let losses = NO_LOSSES;
  const counters = stages.map((stage) => emptyStageCounters(stage.name));
  for (const batch of batches) {
    rowsIn += batch.size;
    for (const { rows } of batch.encoded ?? []) rowsOut += rows;
    malformed += batch.malformed;
    if (batch.losses.losses.total > 0) losses = addLosses(losses, batch.losses.losses);
    batch.counters.forEach((own, i) => {
      counters[i] = addStageCounters(counters[i] ?? own, own);
    });
  }
  return { rowsIn, rowsOut, malformed, done: last.done, source: last.position, stages: counters, losses };
}
