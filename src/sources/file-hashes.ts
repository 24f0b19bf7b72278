/** What tells the files of an input from others (I15): hashes of names, sizes and modification times, and of contents. */
import { relative, sep } from 'node:path';
import { sha256 } from '#sha256';
import { canonicalJson, type Json } from '../formats/json.js';
import type { FoundFile } from './file-input.js';
import type { FileSource } from './file-source.js';
import type { SourcePosition } from './source.js';

/** Opens one file, from its beginning or at a position in it. */
export type OpenFile<T> = (path: string, at: SourcePosition | undefined) => Promise<FileSource<T>>;

/** Hashes of files: of what a directory says of them, and of their contents. */
export interface Hashes {
  readonly stats: string;
  readonly contents: string;
}

export const HASH_LENGTH = 16;
export const NOTHING: Hashes = { stats: '', contents: '' };

export const hashOf = (...parts: readonly (string | number)[]): string =>
  sha256(JSON.stringify(parts)).slice(0, HASH_LENGTH);

export const nameOf = (folder: string, { path }: FoundFile): string =>
  relative(folder, path).replaceAll(sep, '/');
export const nameHash = (name: string): string => sha256(name).slice(0, 8);

interface FileFacts {
  readonly size: number;
  readonly modifiedAtMs: number;
  readonly identity: Json;
}

export function extend(
  { stats, contents }: Hashes,
  name: string,
  { size, modifiedAtMs, identity }: FileFacts,
): Hashes {
  return {
    stats: hashOf(stats, name, size, modifiedAtMs),
    contents: hashOf(contents, name, size, canonicalJson(identity)),
  };
}

/** Whether the files before a position are those that the run had read. */
export async function compareBefore<T>(
  folder: string,
  before: readonly FoundFile[],
  position: { readonly file: number; readonly before: Hashes },
  openFile: OpenFile<T>,
): Promise<{ readonly before: Hashes; readonly difference?: string }> {
  let stats = '';
  for (const file of before)
    stats = hashOf(stats, nameOf(folder, file), file.stat.size, file.stat.modifiedAtMs);
  if (stats === position.before.stats) return { before: position.before };
  // Copied, perhaps: the contents decide.
  let hashes = NOTHING;
  for (const file of before) {
    const source = await openFile(file.path, undefined);
    const { size, modifiedAtMs } = file.stat;
    const identity = await source.identityOfWhole().finally(() => source.close());
    hashes = extend(hashes, nameOf(folder, file), { size, modifiedAtMs, identity });
  }
  if (hashes.contents === position.before.contents) return { before: hashes };
  const [had, has] = [position.file, before.length];
  const what =
    had === has
      ? 'a file that the run had read has changed'
      : `before the file that the run was reading, there are ${has} files instead of ${had}`;
  return { before: hashes, difference: `${what}, in ${folder}` };
}
