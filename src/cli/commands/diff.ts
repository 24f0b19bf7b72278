/** `diff <session> <session>`: compares the outputs of two sessions, row by row. */
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { diffOutputs, diffText, isSameOutput } from '../../history/diff/diff-sessions.js';
import { sessionOutput } from '../../history/diff/session-output.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { findSession } from '../../sessions/find-session.js';
import { COMPLETED, DIFFERENT } from '../exit-codes.js';
import type { Terminal } from '../output/terminal.js';

export interface DiffOptions {
  readonly stateDir: string;
  readonly json: boolean;
  readonly key?: string;
}

/** @returns the exit code. */
export async function diff(
  older: string,
  newer: string,
  { stateDir, json, key }: DiffOptions,
  terminal: Terminal,
): Promise<number> {
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const outputOf = async (given: string) => {
    const { checkpoint } = await stateManager.loadCheckpoint(await findSession(stateManager, given));
    if (checkpoint.state !== 'COMPLETED' && !json)
      terminal.printMessage(
        `Session ${checkpoint.sessionId} is not completed. Only its saved rows are compared.`,
      );
    return sessionOutput(nodeFileSystem, checkpoint);
  };
  const [before, after] = [await outputOf(older), await outputOf(newer)];
  const found = await diffOutputs(nodeFileSystem, before, after, { key });
  if (json) terminal.write(`${JSON.stringify(found)}\n`);
  else for (const line of diffText(found).split('\n')) terminal.printResult(line);
  return isSameOutput(found) ? COMPLETED : DIFFERENT;
}
