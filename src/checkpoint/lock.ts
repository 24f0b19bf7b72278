/** The lock of a session, which is also the channel by which other processes speak to its owner (I10). */
import type { JsonObject } from '../json.js';

export type ControlCommand = 'pause' | 'cancel' | 'status';

/** What an owner answers to. Each resolves to a JSON answer; a rejection becomes an error answer. */
export type LockHandlers = {
  readonly [command in ControlCommand]?: () => Promise<JsonObject>;
};

export interface SessionLock {
  release(): Promise<void>;
}
