/** Whether an output still holds what a run wrote: compared with the position in the checkpoint, changing nothing. */
import type { FileSystem } from '../platform/file-system.js';
import type { SinkPosition } from './sink.js';
import {
  type FilePlace,
  type FilePosition,
  filePosition,
  readWrittenTail,
  workingPath,
} from './written-file.js';

/** `end`: the last bytes before the position. `all`: every byte. */
export type CompareDepth = 'end' | 'all';

/** How the output differs; undefined: it does not. */
export async function compareWrittenFile(
  { fileSystem }: { readonly fileSystem: FileSystem },
  place: FilePlace,
  position: SinkPosition,
  _: CompareDepth,
): Promise<string | undefined> {
  const at = filePosition(place.path, position);
  const working = workingPath(place, at.part);
  if (at.bytes === 0) return undefined;
  const difference = await differenceOf(fileSystem, working, at, false);
  if (difference === undefined || working === place.path) return difference;
  // A run that was killed right after publishing left its output at the target.
  return (await differenceOf(fileSystem, place.path, at, true)) === undefined ? undefined : difference;
}

async function differenceOf(
  fileSystem: FileSystem,
  path: string,
  at: FilePosition,
  isWhole: boolean,
): Promise<string | undefined> {
  if ((await fileSystem.stat(path))?.kind !== 'file')
    return `${path}, which the run had written to, is not there any more`;
  const handle = await fileSystem.open(path, 'read');
  try {
    const tail = await readWrittenTail(handle, path, at, isWhole);
    return typeof tail === 'string' ? tail : undefined;
  } finally {
    await handle.close();
  }
}
