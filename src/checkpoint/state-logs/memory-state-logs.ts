/** Logs of keyed state that are kept as whole texts by name: in memory, or in items of a page's storage. */
import { CorruptStateError } from '../../errors.js';
import { concatenated } from '../../formats/bytes.js';
import type { StateLogs } from './state-logs.js';

/** Where the logs are kept. */
export interface KeptLogs {
  get(name: string): Uint8Array | undefined;
  set(name: string, bytes: Uint8Array): unknown;
  delete(name: string): unknown;
  keys(): Iterable<string>;
}

export function memoryStateLogs(logs: KeptLogs): StateLogs {
  const upTo = (name: string, length: number): Uint8Array => {
    const bytes = logs.get(name) ?? new Uint8Array(0);
    if (bytes.length < length) throw new CorruptStateError(name, `it has ${bytes.length} of ${length} bytes`);
    return bytes.subarray(0, length);
  };
  return {
    async *read(name, length) {
      yield upTo(name, length);
    },
    async append(name, at, pieces) {
      logs.set(name, concatenated([upTo(name, at), ...pieces]));
    },
    async list() {
      return [...logs.keys()];
    },
    async remove(name) {
      logs.delete(name);
    },
    async close() {},
  };
}
