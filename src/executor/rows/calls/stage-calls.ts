/**
 * How the batches of a stage are cut into calls (I20).
 *
 * | stage | calls of a batch | at once |
 * | --- | --- | --- |
 * | batch stage with `rowsPerCall` | one for so many rows | `concurrency` over all batches |
 * | batch stage with a gate | one | as many batches as `concurrency` |
 * | row stage with `rowsPerCall` or a gate; durable asynchronous row stage | one for `rowsPerCall` rows, else one a row | `rowConcurrency` rows of a batch |
 *
 * Other stages make no calls in this sense: an attempt over a batch is one piece of work, with one journal record.
 */
import type { CallGate } from '../../../stages/calls/call-gate.js';
import { CallSlots } from '../../../stages/calls/call-slots.js';
import type { AnyStage } from '../../../stages/stage.js';

/** A stage whose batches are cut into calls. */
export interface StageCalls {
  readonly stage: AnyStage;
  readonly stageIndex: number;
  /** Infinity: all rows of the batch. */
  readonly rowsPerCall: number;
  readonly gate: CallGate | undefined;
  /** The slots for the calls of one batch: shared by all batches, or its own. */
  slots(): CallSlots;
  /** Undefined: each batch has its own. */
  readonly sharedSlots?: CallSlots;
  /** Each call has a journal record; false: the batch has one, or none. */
  readonly isJournaled: boolean;
  /** Whether the function is asynchronous is seen at its first row. */
  isProbed: boolean;
}

/** @returns undefined: the stage makes no calls. */
export function stageCalls(
  stage: AnyStage,
  stageIndex: number,
  gate: CallGate | undefined,
  hasJournal: boolean,
): StageCalls | undefined {
  const { rowsPerCall } = stage;
  const isJournaled = stage.durable && hasJournal;
  if (stage.kind === 'batch') {
    if (rowsPerCall === undefined) {
      if (gate === undefined) return undefined;
      const slots = () => new CallSlots(1);
      return { stage, stageIndex, rowsPerCall: Infinity, gate, slots, isJournaled: false, isProbed: false };
    }
    const shared = new CallSlots(stage.adaptive?.min ?? stage.concurrency);
    return {
      ...{ stage, stageIndex, rowsPerCall, gate, isJournaled, isProbed: false },
      ...{ slots: () => shared, sharedSlots: shared },
    };
  }
  const isGiven = rowsPerCall !== undefined || gate !== undefined;
  if (!isGiven && !isJournaled) return undefined;
  const rows = rowsPerCall ?? 1;
  const atOnce = Math.max(1, Math.floor(stage.rowConcurrency / rows));
  const slots = () => new CallSlots(atOnce);
  return {
    stage,
    stageIndex,
    rowsPerCall: rows,
    gate,
    slots,
    isJournaled,
    isProbed: !isGiven && !isAsync(stage),
  };
}

function isAsync(stage: AnyStage): boolean {
  return (
    stage.kind === 'row' && Object.prototype.toString.call(stage.processRow) === '[object AsyncFunction]'
  );
}
