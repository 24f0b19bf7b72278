/** A browser: sessions in memory unless told (`xstate-pipeline/browser` keeps them in `localStorage`); no files. */
import { memoryStorage } from '../checkpoint/storages/memory-storage.js';
import { InvalidOptionError } from '../errors.js';
import type { Platform } from './platform.js';

function noFiles(): never {
  throw new InvalidOptionError(
    'This session reads or writes files, and there are none here. Resume it in Node.',
  );
}

/** A timer would come four milliseconds later, and in a hidden page a second. */
function soon(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}

/** One for the page: a run can be resumed by a later one. */
const storage = memoryStorage();

export const platform: Platform = {
  fileSystem: undefined,
  storage: () => storage,
  source: noFiles,
  sink: noFiles,
  soon,
};
