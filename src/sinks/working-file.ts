/**
 * The file that a file sink appends to, begun or found again: `<path>.part`, or with `publish: 'direct'` the target.
 *
 * 1. A fresh start makes a file of its own and makes its name durable, so that a committed position survives power loss.
 *    A `.part` that is there belongs to an unfinished session, which may still be resumed: it is left alone, and the new
 *    one is `<path>.2.part`, and so on. The position says which.
 * 2. (I7) Found again, its size and the last block before the position are compared with what was written, then it is cut
 *    there: constant time. (I19) Gone, it may have been published already: then the target must match, to its end.
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { PipelineMismatchError, SinkError } from '../errors.js';
import { readAt } from '../formats/byte-blocks.js';
import { isCount } from '../formats/json.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import type { SinkPosition } from './sink.js';

/** `rename`: beside the target until complete. `direct`: into the target itself, from the first byte. */
export type Publish = 'rename' | 'direct';

export interface FilePlace {
  /** Absolute. */
  readonly path: string;
  readonly publish: Publish;
}

export interface FilePosition {
  readonly bytes: number;
  /** Hash of the last bytes before it. */
  readonly tail: string;
  /** Which part file, from 1. */
  readonly part: number;
}

export interface WorkingFile {
  /** Undefined when it was published before. */
  readonly handle: FileHandle | undefined;
  readonly bytes: number;
  /** The last bytes before `bytes`. */
  readonly tail: Uint8Array;
  readonly part: number;
}

/** Unfinished sessions to one target; more is a mistake that fills the disk. */
const MAX_PARTS = 100;

/** How much before a position is remembered, as a hash. Bytes. */
export const TAIL_BYTES = 4096;

/** The user's umask decides who may read a result. */
const PERMISSIONS = 0o666;

export function tailHash(tail: Uint8Array): string {
  return crc32(tail).toString(16).padStart(8, '0');
}

/** @param part from 1. */
export function workingPath({ path, publish }: FilePlace, part: number): string {
  if (publish === 'direct') return path;
  return part === 1 ? `${path}.part` : `${path}.${part}.part`;
}

/** @param at a position that the file had; undefined: a fresh start.
 * @param complete nothing is missing at `at`.
 * @throws {PipelineMismatchError} and {SinkError}, and whatever the file system throws. */
export async function openWorkingFile(
  fileSystem: FileSystem,
  place: FilePlace,
  at: SinkPosition | undefined,
  complete: boolean,
): Promise<WorkingFile> {
  await assertTarget(fileSystem, place.path);
  if (at === undefined) return await begin(fileSystem, place);
  return await reopen(fileSystem, place, filePosition(place.path, at), complete);
}

function filePosition(path: string, at: SinkPosition): FilePosition {
  const { bytes, tail, part = 1 } = at;
  if (!isCount(bytes) || typeof tail !== 'string' || !isCount(part) || part < 1 || part > MAX_PARTS) {
    throw new PipelineMismatchError([`the stored position is not one of ${path}`], false);
  }
  return { bytes, tail, part };
}

async function assertTarget(fileSystem: FileSystem, path: string): Promise<void> {
  const target = await fileSystem.stat(path);
  if (target === undefined || target.kind === 'file') return;
  const what =
    target.kind === 'directory'
      ? 'it is a directory; give the path of a file in it'
      : target.kind === 'symlink'
        ? 'it is a symbolic link; give the path that it points to'
        : 'it is not a regular file; write to one and copy it there';
  throw new SinkError(`Cannot write to ${path}: ${what}.`);
}

async function begin(fileSystem: FileSystem, place: FilePlace): Promise<WorkingFile> {
  const folder = dirname(place.path);
  await makeDirectory(fileSystem, folder);
  const old = place.publish === 'direct' ? await fileSystem.stat(place.path) : undefined;
  if (old !== undefined) {
    if (old.size > 0) {
      throw new SinkError(
        `${place.path} is not empty, and was not begun by this run: move it away, or leave out publish: 'direct'.`,
      );
    }
    // Whoever made it may have died before its name was durable.
    return await begunWith(fileSystem, folder, await fileSystem.open(place.path, 'update'), 1);
  }
  const { handle, part } = await createPart(fileSystem, place);
  return await begunWith(fileSystem, folder, handle, part);
}

/** The first name that nothing has; taken by creating it, so that two processes never take the same. */
async function createPart(
  fileSystem: FileSystem,
  place: FilePlace,
): Promise<{ readonly handle: FileHandle; readonly part: number }> {
  for (let part = 1; part <= MAX_PARTS; part++) {
    try {
      return { handle: await fileSystem.open(workingPath(place, part), 'create', PERMISSIONS), part };
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    }
  }
  throw new SinkError(
    `${place.path} has ${MAX_PARTS} unfinished part files beside it: resume their sessions, or remove them.`,
  );
}

async function begunWith(
  fileSystem: FileSystem,
  folder: string,
  handle: FileHandle,
  part: number,
): Promise<WorkingFile> {
  try {
    await fileSystem.syncDirectory(folder);
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
  return { handle, bytes: 0, tail: new Uint8Array(0), part };
}

/** Makes a directory and its parents so that they survive power loss: each is an entry in the one above it. */
async function makeDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const made: string[] = [];
  let at = path;
  while ((await fileSystem.stat(at)) === undefined && dirname(at) !== at) {
    made.push(at);
    at = dirname(at);
  }
  if (made.length === 0) return;
  await fileSystem.mkdir(path);
  for (const directory of made) await fileSystem.syncDirectory(dirname(directory));
}

async function reopen(
  fileSystem: FileSystem,
  place: FilePlace,
  at: FilePosition,
  complete: boolean,
): Promise<WorkingFile> {
  const working = workingPath(place, at.part);
  const found = await openWritten(fileSystem, working, at, false);
  if (typeof found !== 'string') return found;
  // A run that was cancelled, or died, right at its publishing did not come to store that it was complete: then the target
  // itself says so. An empty one could be anybody's.
  if ((complete || at.bytes > 0) && working !== place.path) {
    const target = await openWritten(fileSystem, place.path, at, true);
    if (typeof target !== 'string') {
      await target.handle?.close();
      // The rename was seen; whether it would survive power loss is not known.
      await fileSystem.syncDirectory(dirname(place.path));
      return { ...target, handle: undefined };
    }
  }
  // Nothing was written, so nothing is lost.
  if (at.bytes === 0 && (await fileSystem.stat(working)) === undefined) return await begin(fileSystem, place);
  throw new PipelineMismatchError([found], false);
}

/** Opens a file that holds what was written up to `at`, cut there; or says why it does not.
 * @param whole nothing may lie beyond: it is looked at, not cut. */
async function openWritten(
  fileSystem: FileSystem,
  path: string,
  at: FilePosition,
  whole: boolean,
): Promise<WorkingFile | string> {
  if ((await fileSystem.stat(path)) === undefined) {
    return `${path}, which the run had written to, is not there any more`;
  }
  const handle = await fileSystem.open(path, whole ? 'read' : 'update');
  let keep = false;
  try {
    const { size } = await handle.stat();
    if (size < at.bytes || (whole && size > at.bytes)) {
      return `${path} has ${size} bytes, and the run had written ${at.bytes}`;
    }
    const from = Math.max(0, at.bytes - TAIL_BYTES);
    const tail = await readAt(handle, from, at.bytes - from);
    if (tailHash(tail) !== at.tail) {
      return `${path} does not hold what the run had written before byte ${at.bytes}`;
    }
    if (size > at.bytes) {
      await handle.truncate(at.bytes);
      await handle.sync();
    }
    keep = true;
    return { handle, bytes: at.bytes, tail, part: at.part };
  } finally {
    if (!keep) await handle.close().catch(() => {});
  }
}
