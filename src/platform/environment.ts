/** What a run takes from outside, injected so that a seed reproduces it (I14). */
import { platform } from '#platform';
import { type Clock, type Random, systemClock } from './clock.js';
import type { FileSystem } from './file-system.js';
import { consoleLogger, type Logger } from './logger.js';

/** What a run takes from outside: time, chance, files, ids, and where it logs (I14). */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  /** Absent where there are no files. */
  readonly fileSystem?: FileSystem;
  /** A fresh UUID. */
  readonly newSessionId: () => string;
  /** Given to stages as `context.logger`; errors of observers are told here too. */
  readonly logger: Logger;
}

export function defaultEnvironment(): Environment {
  const { fileSystem } = platform;
  return {
    clock: systemClock,
    random: Math.random,
    newSessionId: () => globalThis.crypto.randomUUID(),
    logger: consoleLogger,
    ...(fileSystem === undefined ? {} : { fileSystem }),
  };
}
