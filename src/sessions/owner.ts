/** Whether a process runs a session right now, asked of the lock itself. */
import { join } from 'node:path';
import type { CheckpointSummary } from '../checkpoint/checkpoint-summary.js';
import { lockOwner, ownerPid } from '../checkpoint/lock/lock-owner.js';

export interface SessionOwner {
  /** Undefined: it is too busy to say. */
  readonly pid: number | undefined;
}

const PATIENCE_MS = 1_000;

/** @returns undefined when nobody does. */
export async function ownerOf(stateDir: string, sessionId: string): Promise<SessionOwner | undefined> {
  const owner = await lockOwner(join(stateDir, sessionId), sessionId);
  return owner && { pid: await ownerPid(owner, PATIENCE_MS) };
}

/** What a session is, to a person: its stored state, seen together with whether somebody runs it. */
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
