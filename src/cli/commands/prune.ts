/**
 * `prune --older-than 7d`: removes what is not needed any more.
 *
 * 1. Completed sessions only, unless told `--all`: then unfinished ones too, which cannot be resumed afterwards.
 * 2. Never one that somebody runs (I10), and never a damaged one: its age is not known, and it may be worth a repair.
 * 3. What a process that was killed before its first checkpoint left behind goes without being asked for.
 */
import { isSound, type SoundSummary } from '../../checkpoint/checkpoint-summary.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { codeOf } from '../../errors.js';
import { counted, printable } from '../../observers/progress/terminal-text.js';
import { discardOutputs } from '../../sessions/discard-outputs.js';
import { ownerOf, stateWord } from '../../sessions/owner.js';
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
  terminal.printResult(`${dryRun ? 'Would remove' : 'Removed'} ${counted(removed, 'session')}.`);
  if (kept > 0)
    terminal.printMessage(`${counted(kept, 'older session')} kept: not completed. --all removes those too.`);
  const damaged = summaries.length - sound.length;
  if (damaged > 0)
    terminal.printMessage(
      `${counted(damaged, 'damaged session')} kept. Remove by hand what is not worth a repair.`,
    );
  return COMPLETED;

  /** False: somebody runs it. */
  async function remove(sessionId: string, checkpoint?: Checkpoint): Promise<boolean> {
    if (dryRun) return (await ownerOf(stateDir, sessionId)) === undefined;
    try {
      await stateManager.cleanupCheckpoints(sessionId, async () => {
        if (checkpoint !== undefined) await discardOutputs(checkpoint);
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
  return `${verb} ${sessionId}  ${printable(pipeline)}, ${stateWord(state, undefined)}, saved ${ago(savedAt, now)}`;
}
