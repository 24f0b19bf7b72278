/** Finds the process that runs a session, through the session's lock. */
import { join } from 'node:path';
import type { ExecutorState } from '../../machines/context.js';
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

/** The state of a session: the stored state and the process that runs it together. `interrupted`: it was running when its
 * process ended. */
export type SessionState =
  | 'running'
  | 'pausing'
  | 'paused'
  | 'interrupted'
  | 'cancelled'
  | 'failed'
  | 'completed'
  | 'corrupt';

export function sessionState(
  state: ExecutorState,
  owner: SessionOwner | undefined,
): Exclude<SessionState, 'corrupt'> {
  if (owner !== undefined) return state === 'PAUSED' ? 'paused' : 'running';
  switch (state) {
    case 'INITIALIZING':
    case 'EXECUTING':
      return 'interrupted';
    case 'IDLE':
      return 'cancelled';
    case 'PAUSED':
      return 'paused';
    case 'COMPLETED':
      return 'completed';
    case 'FAILED':
      return 'failed';
  }
}

/** A state for display, with the process that runs the session. */
export function stateWord(state: SessionState, pid: number | undefined): string {
  return pid === undefined ? state : `${state} (${pid})`;
}
