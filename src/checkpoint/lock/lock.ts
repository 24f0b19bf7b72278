/** The lock of a session, which is also the channel by which other processes speak to its owner (I10). */
import type { JsonObject } from '../../formats/json.js';

/** What another process may ask of a session's owner. */
export type ControlCommand = 'pause' | 'cancel' | 'status' | 'record' | 'tune';

/** What an owner answers to. Each resolves to a JSON answer; a rejection becomes an error answer. */
export type LockHandlers = {
  /** @param value what the command needs: of `tune`, the tuning. */
  readonly [command in ControlCommand]?: (value?: JsonObject) => Promise<JsonObject>;
};

/** The ownership of a session (I10). */
export interface SessionLock {
  /** Gives it up; a second time, nothing. */
  release(): Promise<void>;
}
