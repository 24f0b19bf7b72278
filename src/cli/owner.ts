/** Whether a process runs a session right now, asked of the lock itself. */
import { join } from 'node:path';
import { ask } from '../checkpoint/control-protocol.js';
import { lockSocket } from '../checkpoint/lock-socket.js';
import type { CheckpointSummary } from '../checkpoint/state-manager.js';
import { codeOf } from '../errors.js';

export interface SessionOwner {
  /** Undefined: it is too busy to say. */
  readonly pid: number | undefined;
}

const PATIENCE_MS = 1_000;

/** @returns undefined when nobody does. */
export async function ownerOf(stateDir: string, sessionId: string): Promise<SessionOwner | undefined> {
  try {
    const owner = await (await lockSocket(join(stateDir, sessionId), sessionId)).owner();
    if (owner === undefined) return undefined;
    const answer = owner.socket && (await ask(owner.socket, { command: 'owner' }, PATIENCE_MS));
    const pid = typeof answer === 'object' ? answer.pid : undefined;
    return { pid: typeof pid === 'number' ? pid : undefined };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
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
