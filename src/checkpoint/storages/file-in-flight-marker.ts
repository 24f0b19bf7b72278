/** The in-flight marker as a file of one line of constant length: `in-flight.json` in the session's directory. */
import { object, readText, whole } from '../../formats/shape.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import type { InFlightMarker } from './in-flight-marker.js';

const NAME = 'in-flight.json';
const BYTES = 64;
const MARKER = object({ epoch: whole(0), batch: whole(0) });
const encoder = new TextEncoder();

/** Reads the marker. Creates the file at the first write.
 * @param directory the session's; it exists by then. */
export async function openFileInFlightMarker(
  fileSystem: FileSystem,
  directory: string,
): Promise<InFlightMarker> {
  const path = `${directory}/${NAME}`;
  const exists = (await fileSystem.stat(path)) !== undefined;
  const before = exists ? await readMarker(fileSystem, path) : undefined;
  let opening: Promise<FileHandle> | undefined;
  return {
    before,
    async writeMarker(epoch, batch) {
      opening ??= fileSystem.open(path, exists ? 'update' : 'create');
      const line = JSON.stringify({ epoch, batch }).padEnd(BYTES - 1);
      await (await opening).write([encoder.encode(`${line}\n`)], 0);
    },
    async close() {
      await (await opening)?.close();
    },
  };
}

/** An unreadable marker makes no batch a suspect; nothing else depends on it. */
async function readMarker(fileSystem: FileSystem, path: string): Promise<InFlightMarker['before']> {
  const bytes = await fileSystem.readFile(path, 4 * BYTES).catch(() => undefined);
  if (bytes === undefined) return undefined;
  return readText(new TextDecoder().decode(bytes), MARKER, { maxLength: 4 * BYTES, maxDepth: 2 });
}
