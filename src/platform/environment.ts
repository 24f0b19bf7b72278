/** What a run takes from outside, injected so that a seed reproduces it (I14). */
import { platform } from '#platform';
import { type Clock, type Random, systemClock } from './clock.js';
import type { FileSystem } from './file-system.js';
import { consoleLogger, type Logger } from './logger.js';

/** An attempt of a stage at a batch. */
export interface TracedAttempt {
  readonly sessionId: string;
  /** Name of the stage; with fused stages, of the first one. */
  readonly stage: string;
  /** Index of the batch. */
  readonly batch: number;
  /** From 1, in this process. */
  readonly attempt: number;
}

/** Traces a run; `openTelemetry()` of `xstate-pipeline/otel` makes one. */
export interface Tracing {
  /** Calls `work` once, and returns what it returns. An error of the tracing itself is logged, and the attempt runs all the same. */
  around<R>(attempt: TracedAttempt, work: () => R): R;
  /** The id of a session's trace: in every event as `traceId`, and so in logs, progress and `--json`. */
  traceIdOf?(sessionId: string): string;
}

/** What a run takes from outside: time, chance, files, ids, and where it logs (I14). */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  /** Absent where there are no files. */
  readonly fileSystem?: FileSystem;
  /** A new UUID: of version 7 by default, so that ids sort by time. */
  readonly newSessionId: () => string;
  /** The `context.logger` of stages. Errors of observers are logged here, too. */
  readonly logger: Logger;
  /** Traces attempts. Default: none, at no cost. */
  readonly tracing?: Tracing;
}

export function defaultEnvironment(): Environment {
  const { fileSystem } = platform;
  return {
    clock: systemClock,
    random: Math.random,
    newSessionId: () => timedUuid(systemClock.now()),
    logger: consoleLogger,
    ...(fileSystem === undefined ? {} : { fileSystem }),
  };
}

/** A UUID of version 7 (RFC 9562): 48 bits of time, then random bits. */
export function timedUuid(now: number): string {
  const random = globalThis.crypto.randomUUID();
  const time = Math.floor(now).toString(16).padStart(12, '0').slice(-12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}
