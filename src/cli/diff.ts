/** `diff <session> <session>`: the outputs of two sessions, row by row. */
import { lowdbStorage } from '../checkpoint/lowdb-storage.js';
import { nodeFileSystem } from '../checkpoint/node-file-system.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { diffOutputs, diffText, isSameOutput } from '../executor/fork/diff-sessions.js';
import { sessionOutput } from '../executor/fork/session-output.js';
import { COMPLETED, DIFFERENT } from './exit-codes.js';
import { findSession } from './find-session.js';
import type { Terminal } from './terminal.js';

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
      terminal.message(`Session ${checkpoint.sessionId} is not completed: compared as far as it is saved.`);
    return sessionOutput(nodeFileSystem, checkpoint);
  };
  const [before, after] = [await outputOf(older), await outputOf(newer)];
  const found = await diffOutputs(nodeFileSystem, before, after, { key });
  if (json) terminal.data(`${JSON.stringify(found)}\n`);
  else for (const line of diffText(found).split('\n')) terminal.result(line);
  return isSameOutput(found) ? COMPLETED : DIFFERENT;
}
