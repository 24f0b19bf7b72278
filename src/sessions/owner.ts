/** Finds the process that runs a session, through the session's lock. */
import { join } from 'node:path';
import type { CheckpointSummary } from '../checkpoint/checkpoint-summary.js';
import { lockOwner, ownerPid } from '../checkpoint/lock/lock-owner.js';

export interface SessionOwner {
  /** Undefined: the process is too busy to answer. */
  readonly pid: number | undefined;
}

const PATIENCE_MS = 1_000;

/** @returns undefined when no process runs it. */
export async function ownerOf(stateDir: string, sessionId: string): Promise<SessionOwner | undefined> {
  const owner = await lockOwner(join(stateDir, sessionId), sessionId);
  return owner && { pid: await ownerPid(owner, PATIENCE_MS) };
}

/** The state of a session for display: the stored state and the owner together. */
export function stateWord(state: CheckpointSummary['state'], owner: SessionOwner | undefined): string {
  if (owner !== undefined) {
    const by = owner.pid === undefined ? '' : ` (${owner.pid})`;
    return `${state === 'PAUSED' ? 'paused' : 'running'}${by}`;
  }
  switch (state) {
    case 'INITIALIZING':
    case 'EXECUTING':
      return 'interrupted';
    case 'IDLE':
      return 'cancelled';
    default:
      return state.toLowerCase();
  }
}
