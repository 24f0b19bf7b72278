/**
 * `prune --older-than 7d`: removes old sessions.
 *
 * 1. It removes completed sessions; with `--all` also unfinished ones, which then cannot be resumed.
 * 2. It keeps sessions that a process runs (I10), and damaged ones: their age is unknown, and they may be repairable.
 * 3. It also removes the remains of processes that were killed before their first checkpoint.
 */
import { isSound, type SoundSummary } from '../../checkpoint/checkpoint-summary.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { counted, printable } from '../../observers/progress/terminal-text.js';
import { codeOf } from '../../platform/thrown.js';
import { discardOutputs, discardUnsaved } from '../../sessions/discard-outputs.js';
import { removeSessionIndex } from '../../sessions/listing/session-index.js';
import { ownerOf, sessionState } from '../../sessions/owner.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import type { Terminal } from '../output/terminal.js';

export interface PruneOptions {
  readonly stateDir: string;
  readonly olderThanMs: number;
  readonly all: boolean;
  readonly dryRun: boolean;
}

/** @returns the exit code. */
export async function prune(options: PruneOptions, terminal: Terminal): Promise<number> {
  const { stateDir, olderThanMs, all, dryRun } = options;
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const now = Date.now();
  const summaries = await stateManager.listCheckpoints();
  const sound = summaries.filter(isSound);
  const old = sound.filter(({ savedAt }) => savedAt <= now - olderThanMs);
  let removed = 0;
  let kept = 0;
  for (const summary of old) {
    if (!all && summary.state !== 'COMPLETED') kept++;
    else if (await remove(summary.sessionId, summary.checkpoint)) {
      removed++;
      terminal.printResult(lineOf(summary, now, dryRun));
    }
  }
  const known = new Set(summaries.map(({ sessionId }) => sessionId));
  for (const sessionId of await stateManager.storage.list()) {
    if (known.has(sessionId) || !(await remove(sessionId))) continue;
    removed++;
    terminal.printResult(`${dryRun ? 'would remove' : 'removed'} ${sessionId}  never saved`);
  }
  // It quotes errors of the removed sessions.
  if (!dryRun) await removeSessionIndex(stateDir);
  terminal.printResult(`${dryRun ? 'Would remove' : 'Removed'} ${counted(removed, 'session')}.`);
  if (kept > 0)
    terminal.printMessage(
      `Kept ${counted(kept, 'older session')} that did not complete. --all removes them.`,
    );
  const unreadable = summaries.filter((summary) => !isSound(summary) && summary.isUnreadable).length;
  const damaged = summaries.length - sound.length - unreadable;
  if (unreadable > 0)
    terminal.printMessage(
      `Kept ${counted(unreadable, 'session')} that cannot be read. Give yourself permission to read the state directory.`,
    );
  if (damaged > 0)
    terminal.printMessage(
      `Kept ${counted(damaged, 'damaged session')}. Remove the directories by hand if you do not need them.`,
    );
  return COMPLETED;

  /** @returns false: a process runs it. */
  async function remove(sessionId: string, checkpoint?: Checkpoint): Promise<boolean> {
    if (dryRun) return (await ownerOf(stateDir, sessionId)) === undefined;
    try {
      await stateManager.cleanupCheckpoints(sessionId, async () => {
        if (checkpoint === undefined) await discardUnsaved(sessionId, stateManager);
        else await discardOutputs(checkpoint);
      });
      return true;
    } catch (error) {
      if (codeOf(error) === 'SESSION_LOCKED') return false;
      throw error;
    }
  }
}

function lineOf(summary: SoundSummary, now: number, dryRun: boolean): string {
  const verb = dryRun ? 'would remove' : 'removed';
  const { sessionId, pipeline, state, savedAt } = summary;
  return `${verb} ${sessionId}  ${printable(pipeline)}, ${sessionState(state, undefined)}, saved ${ago(savedAt, now)}`;
}
