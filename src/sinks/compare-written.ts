/** Whether an output still holds what a run wrote: compared with the position in the checkpoint, changing nothing. */
import { readAt } from '../formats/byte-blocks.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import type { SinkPosition } from './sink.js';
import {
  crcText,
  extendCrc,
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
  depth: CompareDepth,
): Promise<string | undefined> {
  const at = filePosition(place.path, position);
  const working = workingPath(place, at.part);
  if (at.bytes === 0) return undefined;
  const difference = await differenceOf(fileSystem, working, at, { depth, isWhole: false });
  if (difference === undefined || working === place.path) return difference;
  // A run that was killed right after publishing left its output at the target.
  return (await differenceOf(fileSystem, place.path, at, { depth, isWhole: true })) === undefined
    ? undefined
    : difference;
}

/** Whether everything up to the position is at the target. */
export async function isPublishedWhole(
  { fileSystem }: { readonly fileSystem: FileSystem },
  place: FilePlace,
  position: SinkPosition,
): Promise<boolean> {
  const at = filePosition(place.path, position);
  const working = workingPath(place, at.part);
  if (working === place.path || (await fileSystem.stat(working)) !== undefined) return false;
  return (await differenceOf(fileSystem, place.path, at, { depth: 'end', isWhole: true })) === undefined;
}

async function differenceOf(
  fileSystem: FileSystem,
  path: string,
  at: FilePosition,
  { depth, isWhole }: { readonly depth: CompareDepth; readonly isWhole: boolean },
): Promise<string | undefined> {
  if ((await fileSystem.stat(path))?.kind !== 'file')
    return `${path}, which the run had written to, is not there any more`;
  const handle = await fileSystem.open(path, 'read');
  try {
    const tail = await readWrittenTail(handle, path, at, isWhole);
    if (typeof tail === 'string') return tail;
    return depth === 'all' ? await damageOf(handle, path, at) : undefined;
  } finally {
    await handle.close();
  }
}

const CHUNK_BYTES = 1024 * 1024;

/** Reads every byte before the position. */
async function damageOf(handle: FileHandle, path: string, at: FilePosition): Promise<string | undefined> {
  if (at.crc === undefined)
    return `${path} was begun by a release that kept no checksum of it, and cannot be verified`;
  let crc = 0;
  for (let from = 0; from < at.bytes; from += CHUNK_BYTES)
    crc = extendCrc(crc, [await readAt(handle, from, Math.min(CHUNK_BYTES, at.bytes - from))]);
  if (crcText(crc) === at.crc) return undefined;
  return `${path} is damaged: the first ${at.bytes} bytes are not those that the run had written`;
}
