/**
 * Copies of checkpoints in the journal (I26): with both generations of the checkpoint damaged, a session is still resumed from
 * its journal, and no trimmed output is paid for twice.
 *
 * 1. A copy is durable before any record is trimmed that its checkpoint covers.
 * 2. The two newest copies remain: a copy's batch is the first that it does not cover, and trimming goes by batches.
 */
import type { StoredCheckpoint } from '../storage.js';
import type { Journal, JournalKey } from './journal.js';

/** No stage has an empty name. */
const COPY = '';

export function isCheckpointCopy({ stage }: JournalKey): boolean {
  return stage === COPY;
}

/** @param batches that the checkpoint covers. @param text the checkpoint as it was stored. */
export function keepCheckpointCopy(journal: Journal, batches: number, text: string): Promise<void> {
  return journal.append({ stage: COPY, batch: batches }, [new TextEncoder().encode(text)]);
}

/** The copies, newest first. */
export async function readCheckpointCopies(journal: Journal): Promise<StoredCheckpoint> {
  const keys = journal.keys().filter(isCheckpointCopy);
  const generations: { name: string; text: string }[] = [];
  for (const key of [...keys].sort((a, b) => b.batch - a.batch)) {
    const payload = await journal.read(key);
    if (payload !== undefined)
      generations.push({
        name: `the journal's copy at batch ${key.batch}`,
        text: new TextDecoder().decode(payload),
      });
  }
  return { generations, problems: [] };
}
