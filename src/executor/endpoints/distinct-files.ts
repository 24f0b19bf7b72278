/**
 * Refuses a sink that would overwrite the input or another sink's output. Files are compared by device and inode and by real path,
 * because one file may have several names: symbolic links, hard links, `..`.
 */
import { InvalidOptionError } from '../../errors.js';
import type { FileStat, FileSystem } from '../../platform/file-system.js';
import { filesOf, type WithFiles } from '../../sinks/files-of.js';
import type { Sink } from '../../sinks/sink.js';
import type { OpenSource } from '../../sources/source.js';

/** Compares the given paths. @param places by their names in the error.
 * @throws {InvalidOptionError} */
export function assertDistinctPaths(places: Readonly<Record<string, WithFiles | undefined>>): void {
  const known = new Map<string, string>();
  for (const [name, place] of Object.entries(places)) {
    for (const path of filesOf(place)) {
      const other = known.get(path);
      if (other !== undefined) throw sameFile(other, name, path);
      known.set(path, name);
    }
  }
}

/** Compares the files on the disk. Called before a sink is opened.
 * @param sinks by their names in the error.
 * @throws {InvalidOptionError} */
export async function assertDistinctFiles(
  source: Pick<OpenSource<unknown>, 'file' | 'files' | 'path'>,
  sinks: Readonly<Record<string, Sink<never> | undefined>>,
  fileSystem: FileSystem | undefined,
): Promise<void> {
  if (fileSystem === undefined) return;
  const known = new Map<string, string>();
  const read =
    source.files?.map(({ stat }) => stat) ?? (source.file === undefined ? [] : [await source.file.stat()]);
  for (const key of read.flatMap(fileKeys)) known.set(key, 'source');
  const paths = source.files?.map(({ path }) => path) ?? (source.path === undefined ? [] : [source.path]);
  for (const [name, sink] of Object.entries(sinks)) {
    const written = paths.find((path) => sink?.mayWrite?.(path) === true);
    if (written !== undefined) throw sameFile('source', name, written);
  }
  for (const [name, sink] of Object.entries(sinks)) {
    for (const path of filesOf(sink)) {
      const stat = await fileSystem.stat(path);
      for (const key of [await fileSystem.realPath(path), ...fileKeys(stat)]) {
        const other = known.get(key);
        if (other !== undefined) throw sameFile(other, name, path);
        known.set(key, name);
      }
    }
  }
}

/** Some file systems have no inodes: their files are compared by path only. */
function fileKeys(stat: FileStat | undefined): string[] {
  return stat === undefined || stat.inode === 0 ? [] : [`${stat.device}:${stat.inode}`];
}

function sameFile(one: string, other: string, path: string): InvalidOptionError {
  return new InvalidOptionError(
    `The ${one} and the ${other} are the same file, ${path}. Give each its own file.`,
  );
}
