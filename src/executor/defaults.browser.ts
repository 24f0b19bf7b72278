/** Defaults in a browser: sessions in memory (`xstate-pipeline/browser` stores them in `localStorage`), no files. */
import { memoryStorage } from '../checkpoint/storages/memory-storage.js';
import { InvalidOptionError } from '../errors.js';
import type { Defaults } from './defaults.js';

function noFiles(): never {
  throw new InvalidOptionError(
    'This session reads or writes files, and a browser has none. Resume it in Node.',
  );
}

/** One for the page: a later run can resume an earlier one. */
const storage = memoryStorage();

export const defaults: Defaults = { storage: () => storage, source: noFiles, sink: noFiles };
