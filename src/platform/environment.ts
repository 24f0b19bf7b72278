/** What a run takes from outside, injected so that a seed reproduces it (I14). */
import { platform } from '#platform';
import type { Logger } from '../stages/stage.js';
import { type Clock, type Random, systemClock } from './clock.js';
import type { FileSystem } from './file-system.js';

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

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Warnings and errors to the console, the rest to nobody. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(message, fields ?? ''),
  error: (message, fields) => console.error(message, fields ?? ''),
};
