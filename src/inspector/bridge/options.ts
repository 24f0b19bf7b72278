import { systemTimers, type Timers } from './throttle.js';

export interface BridgeOptions {
  /** Address to listen on, one of this machine. Default: 127.0.0.1, which other machines cannot reach. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Minimum time between two reported states of an actor, in milliseconds. Default 500. */
  readonly everyMs?: number;
  /** Whether viewers receive the messages of errors, which may quote rows. Default false: they receive codes only. */
  readonly errorMessages?: boolean;
  /** Called with a failure of the inspector, which never ends the run. */
  readonly onFailure?: (error: unknown) => void;
  /** Time, for tests. */
  readonly timers?: Timers;
}

export interface BridgeSettings {
  readonly host: string;
  readonly port: number;
  readonly everyMs: number;
  readonly errorMessages: boolean;
  readonly timers: Timers;
  /** Never throws. */
  failed(error: unknown): void;
}

export function bridgeSettings(options: BridgeOptions): BridgeSettings {
  const { host = '127.0.0.1', port = 0, everyMs = 500, timers = systemTimers, onFailure } = options;
  const { errorMessages = false } = options;
  return {
    host,
    port,
    everyMs,
    errorMessages,
    timers,
    failed(error) {
      try {
        onFailure?.(error);
      } catch {
        // A failing error handler has no handler of its own.
      }
    },
  };
}
