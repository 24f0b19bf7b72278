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

/** Logs nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Logs to the console: in Node to standard error, since standard output may carry data. Debug messages are discarded. */
export const consoleLogger: Logger = {
  debug() {},
  info: (message, fields) => ('process' in globalThis ? console.error : console.info)(message, fields ?? ''),
  warn: (message, fields) => console.warn(message, fields ?? ''),
  error: (message, fields) => console.error(message, fields ?? ''),
};
