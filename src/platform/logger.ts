import type { JsonObject } from '../../machines/context.js';

/** Where stages and the executor log. */
export interface Logger {
  /** Details for debugging. */
  debug(message: string, fields?: JsonObject): void;
  /** Progress of the run. */
  info(message: string, fields?: JsonObject): void;
  /** Something is wrong; the run continues. */
  warn(message: string, fields?: JsonObject): void;
  /** Something failed. */
  error(message: string, fields?: JsonObject): void;
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Warnings and errors go to the console; the rest is discarded. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(message, fields ?? ''),
  error: (message, fields) => console.error(message, fields ?? ''),
};
