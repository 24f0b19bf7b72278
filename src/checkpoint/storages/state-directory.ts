/**
 * Directories that hold state: created durably with mode 0700, and refused if they are not directories.
 *
 * A symlink is refused: its author would choose what the run overwrites.
 */
import { dirname, join, resolve } from 'node:path';
import { StateDirectoryError } from '../../errors.js';
import type { FileSystem } from '../../platform/file-system.js';
import { codeOf } from '../../platform/thrown.js';

/** The default state directory, relative to the working directory. */
export const DEFAULT_STATE_DIRECTORY = '.xstate-pipeline';

/** True when the directory is there.
 * @throws {StateDirectoryError} when something else is in its place, or it cannot be reached. */
export async function directoryExists(fileSystem: FileSystem, path: string): Promise<boolean> {
  const kind = await usable(path, async () => (await fileSystem.stat(path))?.kind);
  if (kind === undefined) return false;
  if (kind === 'directory') return true;
  throw new StateDirectoryError(
    `${path} is ${kind === 'symlink' ? 'a symlink' : 'not a directory'}: choose another state directory, or move it away.`,
  );
}

/** Makes a directory, and those above it, so that power loss does not take them back.
 * @param above `durable`: the directory above was made by this function, in this process.
 * @throws {StateDirectoryError} */
export async function makeDirectory(
  fileSystem: FileSystem,
  path: string,
  above: 'durable' | 'unknown' = 'unknown',
): Promise<void> {
  const existed = await directoryExists(fileSystem, path);
  if (!existed) {
    if (above === 'unknown') await makeAbove(fileSystem, dirname(path));
    await usable(path, () => fileSystem.mkdir(path));
  }
  await syncParent(fileSystem, path, existed);
}

/** Each durable before the next is made: so one that is there has durable ones above it, but its own name may have been made
 * by a process that was killed before it came to the fsync. */
async function makeAbove(fileSystem: FileSystem, path: string): Promise<void> {
  const there: string[] = [];
  const missing: string[] = [];
  for (const directory of fromTheTop(path)) {
    // These are the user's: a symlink among them is theirs too.
    const isThere =
      missing.length === 0 && (await usable(directory, () => fileSystem.stat(directory))) !== undefined;
    (isThere ? there : missing).push(directory);
  }
  await Promise.all(there.map((directory) => syncParent(fileSystem, directory, true)));
  for (const directory of missing) {
    await usable(directory, () => fileSystem.mkdir(directory));
    await syncParent(fileSystem, directory, false);
  }
}

/** A path and those above it, without the root. The working directory and those above it are the user's: they are left out. */
function fromTheTop(path: string): string[] {
  const above = dirname(path);
  return above === path || path === resolve('.') ? [] : [...fromTheTop(above), path];
}

async function syncParent(fileSystem: FileSystem, path: string, existed: boolean): Promise<void> {
  try {
    await fileSystem.syncDirectory(dirname(path));
  } catch (error) {
    const code = codeOf(error);
    // Only its owner may read the directory above ours. Its durability is the owner's.
    if (!(existed && (code === 'EACCES' || code === 'EPERM'))) throw error;
  }
}

/** Names in a directory; none if it is not there.
 * @throws {StateDirectoryError} */
export async function listDirectory(fileSystem: FileSystem, path: string): Promise<readonly string[]> {
  if (!(await directoryExists(fileSystem, path))) return [];
  return usable(path, () => fileSystem.list(path));
}

/** Removes a directory with all that is in it, following no symlink. Fine if there is none. */
export async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  const kind = (await fileSystem.stat(path))?.kind;
  if (kind === undefined) return;
  if (kind !== 'directory') return fileSystem.unlink(path);
  for (const name of await fileSystem.list(path)) await removeTree(fileSystem, join(path, name));
  await fileSystem.rmdir(path);
}

/** Runs an operation on a directory. Errors that the user can fix say how. */
export async function usable<R>(path: string, operation: () => Promise<R>): Promise<R> {
  try {
    return await operation();
  } catch (error) {
    const code = codeOf(error);
    const advice = ADVICE[code];
    if (advice === undefined) throw error;
    throw new StateDirectoryError(`${path} cannot be used as state directory (${code}): ${advice}.`, {
      cause: error,
    });
  }
}

const ADVICE: Readonly<Record<string, string | undefined>> = {
  EACCES: 'give yourself permission to read and write it, or choose another',
  EPERM: 'give yourself permission to read and write it, or choose another',
  EROFS: 'the file system is read-only; choose another',
  ENOENT: 'no directory can be made there; choose another',
  ENOTDIR: 'a part of its path is not a directory; choose another',
  EEXIST: 'something else is in its place; choose another',
  ELOOP: 'its path goes through a symlink that leads nowhere; choose another',
  ENAMETOOLONG: 'its path is too long; choose another',
  ENOSPC: 'the disk is full; make room, or choose another',
};
