/**
 * Chooses the generation of a stored checkpoint to resume from (I9): the newest one that is sound and that the caller
 * accepts. Skipped generations are reported; if none is left, the error has a reason for each.
 */
import { CorruptCheckpointError } from '../errors.js';
import { messageOf } from '../platform/thrown.js';
import { type Checkpoint, decodeCheckpoint } from './envelope.js';
import type { StoredCheckpoint } from './storage.js';
import { type StoredPaths, withProcessPaths } from './stored-paths.js';

/** The checkpoint to resume from, and the generations that were skipped. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** One line for each generation that was skipped. */
  readonly warnings: readonly string[];
  /** Every generation that could be read, newest first. */
  readonly candidates: readonly CheckpointCandidate[];
}

/** One stored generation of a checkpoint, and whether it can be used. */
export interface CheckpointCandidate {
  /** The storage's name for it: a file name. */
  readonly name: string;
  /** Absent: it cannot be used. */
  readonly checkpoint?: Checkpoint;
  /** Why it cannot be used. */
  readonly reasons: readonly string[];
}

/** @param accept throws to refuse a checkpoint. @throws {CorruptCheckpointError} */
export function chooseCheckpoint(
  sessionId: string,
  stored: StoredCheckpoint,
  accept: (checkpoint: Checkpoint) => void,
  paths?: StoredPaths,
): LoadedCheckpoint {
  const candidates = decodeCandidates(sessionId, stored, accept, paths);
  const chosen = candidates.findIndex(({ checkpoint }) => checkpoint !== undefined);
  const passedOver = [
    ...stored.problems,
    ...(chosen < 0 ? candidates : candidates.slice(0, chosen)).map(
      ({ name, reasons }) => `${name}: ${reasons.join(', ')}`,
    ),
  ];
  const { checkpoint, name } = candidates[chosen] ?? {};
  if (checkpoint === undefined) throw new CorruptCheckpointError(sessionId, passedOver);
  const warnings = passedOver.map(
    (reason) => `Session ${sessionId} resumes from ${name}. Skipped: ${reason}.`,
  );
  return { checkpoint, warnings, candidates };
}

/** Every generation, decoded and accepted, or with the reasons against it. */
export function decodeCandidates(
  sessionId: string,
  { generations }: StoredCheckpoint,
  accept: (checkpoint: Checkpoint) => void,
  paths?: StoredPaths,
): readonly CheckpointCandidate[] {
  return generations.map(({ name, text }) => {
    try {
      const checkpoint = withProcessPaths(decodeCheckpoint(text, sessionId), paths);
      accept(checkpoint);
      return { name, checkpoint, reasons: [] };
    } catch (error) {
      return { name, reasons: error instanceof CorruptCheckpointError ? error.reasons : [messageOf(error)] };
    }
  });
}
