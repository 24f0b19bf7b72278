/** The witness as a file of one line, always as long as it was: `in-flight.json` in the session's directory. */

import { isCount, isObject, parseUntrusted } from '../../formats/json.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import type { InFlightMarker } from './in-flight-marker.js';

const NAME = 'in-flight.json';
const BYTES = 64;
const encoder = new TextEncoder();

/** Reads what is there; makes the file when there is something to note.
 * @param directory the session's; it exists by then. */
export async function openFileInFlightMarker(
  fileSystem: FileSystem,
  directory: string,
): Promise<InFlightMarker> {
  const path = `${directory}/${NAME}`;
  const isThere = (await fileSystem.stat(path)) !== undefined;
  const before = isThere ? await read(fileSystem, path) : undefined;
  let opening: Promise<FileHandle> | undefined;
  return {
    before,
    async writeMarker(epoch, batch) {
      opening ??= fileSystem.open(path, isThere ? 'update' : 'create');
      const line = JSON.stringify({ epoch, batch }).padEnd(BYTES - 1);
      await (await opening).write([encoder.encode(`${line}\n`)], 0);
    },
    async close() {
      await (await opening)?.close();
    },
  };
}

/** Nothing depends on it but whom to suspect: what cannot be read suspects nobody. */
async function read(fileSystem: FileSystem, path: string): Promise<InFlightMarker['before']> {
  try {
    const bytes = await fileSystem.readFile(path, 4 * BYTES);
    const value = parseUntrusted(new TextDecoder().decode(bytes), { maxLength: 4 * BYTES, maxDepth: 2 });
    if (!isObject(value)) return undefined;
    const { epoch, batch } = value;
    return isCount(epoch) && isCount(batch) ? { epoch, batch } : undefined;
  } catch {
    return undefined;
  }
}
