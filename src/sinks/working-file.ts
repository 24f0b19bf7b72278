/**
 * The file that a file sink appends to: `<path>.part`, or with `publish: 'direct'` the target.
 *
 * 1. A fresh start creates a file named after its session. The file then takes the name `<path>.part` by a hard link, unless
 *    another unfinished session has that name or the file system has no hard links. Before the link, its position is noted:
 *    at every moment, a later process of the session can find the file. The position says which name it has.
 *    The name is made durable, so that a committed position survives power loss.
 * 2. (I7) A file is found again by its size and its last block before the position, then truncated there. A file without
 *    committed bytes is found again by its inode. (I19) If it is gone, it may be published: then the target must match, to
 *    its end.
 * 3. `discardWorkingFile` removes what a session wrote and did not publish, and no file of another session.
 */
import { dirname } from 'node:path';
import { PipelineMismatchError, SinkError } from '../errors.js';
import type { FileHandle, FileSystem } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import type { SinkPosition } from './sink.js';
import {
  type FilePlace,
  type FilePosition,
  filePosition,
  type Part,
  readWrittenTail,
  tailHash,
  workingPath,
} from './written-file.js';

export interface WorkingFile {
  /** Undefined if the file was published before. */
  readonly handle: FileHandle | undefined;
  readonly inode: number;
  readonly bytes: number;
  /** The last bytes before `bytes`. */
  readonly tail: Uint8Array;
  /** Of the bytes before `bytes`; undefined: not known. */
  readonly crc: number | undefined;
  readonly part: Part;
}

/** What the files of a session are opened with. */
export type FileContext = Pick<OpenContext, 'sessionId' | 'parts' | 'notePosition'> & {
  readonly fileSystem: FileSystem;
};

/** The user's umask decides who may read a result. */
const PERMISSIONS = 0o666;

/** @param at a position that the file had; undefined: a fresh start.
 * @param complete nothing is missing at `at`.
 * @throws {PipelineMismatchError} and {SinkError}, and what the file system throws. */
export async function openWorkingFile(
  context: FileContext,
  place: FilePlace,
  at: SinkPosition | undefined,
  complete: boolean,
): Promise<WorkingFile> {
  await assertTarget(context.fileSystem, place.path);
  if (at === undefined) return await createWorkingFile(context, place);
  return await reopenWorkingFile(context, place, filePosition(place.path, at), complete);
}

/** Removes what the session wrote to a part file. Files at the target, and files of other sessions, stay.
 * @param at the session's last position; undefined: none is known. */
export async function discardWorkingFile(
  { fileSystem, sessionId }: FileContext,
  place: FilePlace,
  at: SinkPosition | undefined,
): Promise<void> {
  if (place.publish === 'direct') return;
  const own = workingPath(place, sessionId);
  const paths = (await fileSystem.stat(own)) === undefined ? [] : [own];
  if (at !== undefined) {
    const position = filePosition(place.path, at);
    const path = workingPath(place, position.part);
    if (path !== own && (await isWrittenBy(fileSystem, path, position))) paths.push(path);
  }
  for (const path of paths) await fileSystem.unlink(path);
  if (paths.length > 0) await fileSystem.syncDirectory(dirname(place.path));
}

/** Whether the file at `path` is the one that had this position. */
async function isWrittenBy(fileSystem: FileSystem, path: string, at: FilePosition): Promise<boolean> {
  const found = await fileSystem.stat(path);
  if (found?.kind !== 'file') return false;
  if (at.bytes === 0) return at.inode === undefined ? found.size === 0 : found.inode === at.inode;
  const handle = await fileSystem.open(path, 'read');
  try {
    return typeof (await readWrittenTail(handle, path, at, false)) !== 'string';
  } finally {
    await handle.close();
  }
}

async function assertTarget(fileSystem: FileSystem, path: string): Promise<void> {
  const target = await fileSystem.stat(path);
  if (target === undefined || target.kind === 'file') return;
  const what =
    target.kind === 'directory'
      ? 'it is a directory; give the path of a file in it'
      : target.kind === 'symlink'
        ? 'it is a symbolic link; give the path that it points to'
        : 'it is not a regular file; write to a file, then copy it there';
  throw new SinkError(`Cannot write to ${path}: ${what}.`);
}

async function createWorkingFile(context: FileContext, place: FilePlace): Promise<WorkingFile> {
  const { fileSystem } = context;
  const folder = dirname(place.path);
  await makeDirectory(fileSystem, folder);
  const old = place.publish === 'direct' ? await fileSystem.stat(place.path) : undefined;
  if (old !== undefined && old.size > 0) {
    throw new SinkError(
      `${place.path} is not empty, and this run did not begin it. Move it away, or leave out publish: 'direct'.`,
    );
  }
  const handle =
    old === undefined && place.publish === 'rename'
      ? await createOwn(context, place)
      : await fileSystem.open(place.path, old === undefined ? 'create' : 'update', PERMISSIONS);
  try {
    const { inode } = await handle.stat();
    const part = place.publish === 'direct' ? 1 : await takeName(context, place, inode);
    // Also for an empty file that was there: its creator may have crashed before the name was durable.
    await fileSystem.syncDirectory(folder);
    return { handle, inode, bytes: 0, tail: new Uint8Array(0), crc: 0, part };
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

/** Creates the file that is named after the session. */
async function createOwn({ fileSystem, sessionId }: FileContext, place: FilePlace): Promise<FileHandle> {
  const own = workingPath(place, sessionId);
  try {
    return await fileSystem.open(own, 'create', PERMISSIONS);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    // From an opening that committed nothing.
    await fileSystem.unlink(own);
    return await fileSystem.open(own, 'create', PERMISSIONS);
  }
}

/** Renames the session's file to `<path>.part`. Two processes never get the same name, which a plain rename could not promise.
 * @returns which name the file has. */
async function takeName(
  { fileSystem, sessionId, parts, notePosition }: FileContext,
  place: FilePlace,
  inode: number,
): Promise<Part> {
  const [own, taken] = [workingPath(place, sessionId), workingPath(place, 1)];
  if (parts === 'of-session' || (await fileSystem.stat(taken)) !== undefined) return sessionId;
  await notePosition?.({ bytes: 0, tail: tailHash(new Uint8Array(0)), part: 1, inode });
  try {
    await fileSystem.link(own, taken);
  } catch {
    return sessionId;
  }
  await fileSystem.unlink(own);
  return 1;
}

/** Makes a directory and its parents so that they survive power loss: each is an entry in the one above it. */
export async function makeDirectory(fileSystem: FileSystem, path: string): Promise<void> {
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

async function reopenWorkingFile(
  context: FileContext,
  place: FilePlace,
  at: FilePosition,
  complete: boolean,
): Promise<WorkingFile> {
  const { fileSystem } = context;
  const working = workingPath(place, at.part);
  const isDirect = working === place.path;
  // The name of a file without committed bytes may belong to another session by now.
  const isOurs =
    at.bytes > 0 || (isDirect && at.inode === undefined) || (await isWrittenBy(fileSystem, working, at));
  const found = isOurs
    ? await openWritten(fileSystem, working, at, false)
    : `${working} is not the file that the run had begun`;
  if (typeof found !== 'string') return found;
  // A run that was killed right after publishing could not store that it is complete. The target then shows it; an empty
  // target could be of any run.
  if ((complete || at.bytes > 0) && !isDirect) {
    const target = await openWritten(fileSystem, place.path, at, true);
    if (typeof target !== 'string') {
      await target.handle?.close();
      // Whether the rename would survive power loss is not known.
      await fileSystem.syncDirectory(dirname(place.path));
      return { ...target, handle: undefined };
    }
  }
  // Nothing was committed, so nothing is lost. A folder that is gone is not made again: the project may have been moved.
  const folder = dirname(place.path);
  if ((await fileSystem.stat(folder)) === undefined)
    throw new PipelineMismatchError(
      [`${folder}, which the run had written to, is not there any more`],
      false,
    );
  // Under the session's own name, which needs no note: the position in the checkpoint is that of the earlier file.
  if (at.bytes === 0) return await createWorkingFile({ ...context, parts: 'of-session' }, place);
  throw new PipelineMismatchError([found], false);
}

/** Opens a file that holds what was written up to `at`, truncated there, or says how it differs.
 * @param isWhole nothing may follow the position, and nothing is truncated. */
async function openWritten(
  fileSystem: FileSystem,
  path: string,
  at: FilePosition,
  isWhole: boolean,
): Promise<WorkingFile | string> {
  if ((await fileSystem.stat(path)) === undefined)
    return `${path}, which the run had written to, is not there any more`;
  const handle = await fileSystem.open(path, isWhole ? 'read' : 'update');
  let keep = false;
  try {
    const tail = await readWrittenTail(handle, path, at, isWhole);
    if (typeof tail === 'string') return tail;
    const { size, inode } = await handle.stat();
    if (size > at.bytes) {
      await handle.truncate(at.bytes);
      await handle.sync();
    }
    keep = true;
    const crc = at.crc === undefined ? undefined : Number.parseInt(at.crc, 16);
    return { handle, inode, bytes: at.bytes, tail, crc, part: at.part };
  } finally {
    if (!keep) await handle.close().catch(() => {});
  }
}
