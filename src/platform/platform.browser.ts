/** A browser: no files; turns of the event loop from a `MessageChannel`. */
import type { Platform } from './platform.js';
import { sha256 } from './sha256.browser.js';

/** A timer would fire four milliseconds later, and in a hidden page one second later. */
function soon(callback: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}

export const platform: Platform = {
  fileSystem: undefined,
  soon,
  allowListeners() {},
  allocate: (bytes) => new Uint8Array(bytes),
  checksum: (data) => sha256(data).slice(0, 16),
};
