/**
 * Makes a checkpoint fit into 64 KB (I3, I27).
 *
 * 1. First it leaves out what no resume uses: the children, the batches in flight, the mark of what is only written.
 * 2. Then it leaves out names of lost rows, the newest first. Their count always remains (I12).
 * 3. What remains after that depends on the stages alone, and is checked where the pipeline is defined.
 */
import type { ExecutorContext } from '../../../../machines/context.js';
import { type Checkpoint, checkpointBytes, MAX_CHECKPOINT_BYTES } from '../../../checkpoint/envelope.js';
import { InvalidOptionError } from '../../../errors.js';
import type { JsonObject } from '../../../formats/json.js';
import type { AnyStage } from '../../../stages/stage.js';

/** Bytes for the format and the checksum. */
const SEAL = 120;
/** Bytes for everything that does not depend on the stages: descriptions, positions, reasons of losses. */
const RESERVED = 20_000;
/** Bytes of one stage beside its texts: its counters, and its part of the fingerprint. */
const STAGE = 320;

/** @returns the checkpoint, or a smaller one that resumes in the same way. */
export function fitCheckpoint(checkpoint: Checkpoint): Checkpoint {
  if (isFitting(checkpoint)) return checkpoint;
  const snapshot = checkpoint.snapshot as unknown as { readonly context: ExecutorContext };
  const { window, written, ...context } = snapshot.context;
  const withNamed = (count: number): Checkpoint => {
    const { flushed } = context;
    const { total, named, reasons } = flushed.losses;
    const losses = { total, named: named.slice(0, count), reasons: count === 0 ? [] : reasons };
    const small = {
      ...{ ...context, flushed: { ...flushed, losses }, flushing: null },
      ...{ window: window.slice(0, 1), written: { batches: written.batches } },
    };
    return {
      ...checkpoint,
      snapshot: { ...snapshot, children: {}, context: small } as unknown as JsonObject,
    };
  };
  let count = context.flushed.losses.named.length;
  while (count > 0 && !isFitting(withNamed(count))) count = Math.floor(count / 2);
  return withNamed(count);
}

function isFitting(checkpoint: Checkpoint): boolean {
  return checkpointBytes(JSON.stringify(checkpoint)) + SEAL <= MAX_CHECKPOINT_BYTES;
}

/** @throws {InvalidOptionError} where a checkpoint of these stages might not fit. */
export function assertCheckpointFits(stages: readonly AnyStage[]): void {
  const bytes = (text: string) => checkpointBytes(JSON.stringify(text));
  const needed = stages.map(({ name, version }) => STAGE + 3 * bytes(name) + bytes(String(version)));
  if (needed.reduce((sum, size) => sum + size, RESERVED) <= MAX_CHECKPOINT_BYTES) return;
  throw new InvalidOptionError(
    `The checkpoint of ${stages.length} stages with these names does not fit into 64 KB. Use fewer stages, or shorter names and versions.`,
  );
}
