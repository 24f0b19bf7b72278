/** What the journal of a session holds, where its checkpoint is damaged (I26). */
import { decodeCandidates } from '../checkpoint/choose-checkpoint.js';
import type { Checkpoint } from '../checkpoint/envelope.js';
import { readCheckpointCopies } from '../checkpoint/journal/checkpoint-copies.js';
import { LAST_EPOCH } from '../checkpoint/journal/journal.js';
import type { StateManager } from '../checkpoint/state-manager.js';
import { CorruptCheckpointError } from '../errors.js';
import { codeOf } from '../platform/thrown.js';
import { sessionCommand } from './invocation.js';

export interface JournaledSession {
  readonly isEmpty: boolean;
  /** The newest copy of the checkpoint that can be read. */
  readonly checkpoint: Checkpoint | undefined;
}

/** @throws {SessionLockedError | CorruptJournalError} */
export async function readJournaledSession(
  stateManager: StateManager,
  sessionId: string,
): Promise<JournaledSession> {
  const lock = await stateManager.lock(sessionId, {});
  try {
    const journal = await stateManager.journal(sessionId, LAST_EPOCH);
    try {
      const copies = await readCheckpointCopies(journal);
      const candidates = decodeCandidates(sessionId, copies, () => {}, stateManager.storage.paths);
      const checkpoint = candidates.find((candidate) => candidate.checkpoint !== undefined)?.checkpoint;
      return { isEmpty: journal.keys().length === 0, checkpoint };
    } finally {
      await journal.close();
    }
  } finally {
    await lock.release();
  }
}

/** An error that says how to resume a session whose checkpoint is damaged; any other error as it is. */
export async function withJournalAdvice(
  error: unknown,
  stateManager: StateManager,
  sessionId: string,
  stateDir: string,
): Promise<unknown> {
  if (codeOf(error) !== 'CORRUPT_CHECKPOINT') return error;
  const journaled = await readJournaledSession(stateManager, sessionId).catch(() => undefined);
  if (journaled === undefined) return error;
  const { reasons } = error as CorruptCheckpointError;
  const file = journaled.checkpoint?.pipelineFile === undefined ? ['FILE'] : [];
  const advice = journaled.isEmpty
    ? 'Its journal is empty: run again'
    : `To resume from its journal: ${sessionCommand('resume', sessionId, stateDir, ...file, '--from-journal')}`;
  return new CorruptCheckpointError(sessionId, reasons, { cause: error, advice });
}
