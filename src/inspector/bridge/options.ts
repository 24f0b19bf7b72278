import { systemTimers, type Timers } from './pace.js';

export interface BridgeOptions {
  /** Address to listen on; one of this machine's own. Default: 127.0.0.1, which nobody else reaches. */
  readonly host?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  /** Least time between two states of an actor, in milliseconds. Default 500. */
  readonly everyMs?: number;
  /** Told of what went wrong in here; the run goes on. */
  readonly onFailure?: (error: unknown) => void;
  /** Time, for tests. */
  readonly timers?: Timers;
}

export interface BridgeSettings {
  readonly host: string;
  readonly port: number;
  readonly everyMs: number;
  readonly timers: Timers;
  /** Never throws. */
  failed(error: unknown): void;
}

export function bridgeSettings(options: BridgeOptions): BridgeSettings {
  const { host = '127.0.0.1', port = 0, everyMs = 500, timers = systemTimers, onFailure } = options;
  return {
    host,
    port,
    everyMs,
    timers,
    failed(error) {
      try {
        onFailure?.(error);
      } catch {
        // There is nobody left to tell.
      }
    },
  };
}
