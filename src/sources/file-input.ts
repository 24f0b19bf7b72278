/**
 * What a user gives as the input of a file source: a path, a pattern, or a list of both.
 *
 * 1. A path is a pattern if it has `*`, `?`, `[…]`, `{a,b}` or `{1..9}`, and no file has that very name.
 * 2. The files of a pattern are sorted by code units. A list keeps its order. A file that is found twice is read once.
 * 3. A pattern finds no names that begin with a dot, unless it says so, and no unfinished outputs (`*.part`).
 */
import { dirname, relative, resolve, sep } from 'node:path';
import { sha256 } from '#sha256';
import { InvalidOptionError, SourceError } from '../errors.js';
import type { Json } from '../formats/json.js';
import { concurrently } from '../platform/concurrently.js';
import { absolutePath, problemOf } from '../platform/file-problems.js';
import type { FileStat, FileSystem } from '../platform/file-system.js';

import { STANDARD_INPUT } from './standard-input.js';

/** A path, a pattern such as `logs/*.jsonl.gz`, or a list of both. */
export type FileInput = string | URL | readonly (string | URL)[];

/** A file of an input. */
export interface FoundFile {
  /** Absolute. */
  readonly path: string;
  readonly stat: FileStat;
}

interface Entry {
  /** Absolute; of a pattern, with its wildcards. */
  readonly path: string;
  /** The folder that is searched; of a path, the folder of the file. */
  readonly base: string;
  readonly isPattern: boolean;
}

const WILDCARDS = /[*?]|\[[^\]]+\]|\{[^{}]*(,|\.\.)[^{}]*\}/;
/** A longer list is described by its hash: a checkpoint has at most 64 KB. */
const MAX_DESCRIBED = 4_000;
/** Files that are looked at at once. */
const AT_ONCE = 16;

/** The files of a source. */
export class InputFiles {
  readonly #entries: readonly Entry[];
  /** Undefined: a list. */
  readonly #single: Entry | undefined;

  /** @throws {InvalidOptionError} */
  constructor(given: FileInput, kind: string) {
    const list = Array.isArray(given) ? (given as readonly (string | URL)[]) : [given as string | URL];
    if (list.length === 0) throw new InvalidOptionError(`${kind}: the list of files is empty.`);
    this.#entries = list.map((path) => entryOf(path, kind));
    this.#single = Array.isArray(given) ? undefined : this.#entries[0];
    if (Array.isArray(given) && given.includes('-'))
      throw new InvalidOptionError(`${kind}: - is standard input, and cannot be one of several files.`);
  }

  /** Whether it is `-`. */
  get isStandardInput(): boolean {
    return this.#single?.path === STANDARD_INPUT;
  }

  /** For messages. */
  get label(): string {
    const [first] = this.#entries as readonly [Entry, ...Entry[]];
    const more = this.#entries.length - 1;
    return more === 0 ? first.path : `${first.path} and ${more} more`;
  }

  /** The folder that all files are in, whatever is found. */
  get folder(): string {
    let folder = (this.#entries[0] as Entry).base;
    for (const { base } of this.#entries) while (!isWithin(base, folder)) folder = dirname(folder);
    return folder;
  }

  /** For the description in a checkpoint. Of a long list only a hash: such a source is passed again on resume. */
  describe(): { readonly path: string } | { readonly paths: Json } | undefined {
    if (this.isStandardInput) return undefined;
    if (this.#single !== undefined) return { path: this.#single.path };
    const paths = this.#entries.map(({ path }) => path);
    const text = JSON.stringify(paths);
    return { paths: text.length <= MAX_DESCRIBED ? paths : { count: paths.length, sha256: sha256(text) } };
  }

  /** The path, if the input is one file; undefined: several files. */
  async singlePath(fileSystem: FileSystem | undefined): Promise<string | undefined> {
    const { path, isPattern } = this.#single ?? {};
    if (path === undefined || !isPattern) return path;
    const named = await fileSystem?.stat(path).catch(() => undefined);
    return named === undefined ? undefined : path;
  }

  /** @throws {SourceError} if an entry has no file. */
  async find(fileSystem: FileSystem | undefined): Promise<readonly FoundFile[]> {
    if (fileSystem === undefined)
      throw new SourceError(`${this.label}: there are no files in this environment; use rows() instead.`);
    const found = new Map<string, FoundFile>();
    for (const entry of this.#entries) {
      const files = await filesOf(entry, fileSystem).catch((error: unknown) => {
        if (error instanceof SourceError) throw error;
        throw new SourceError(`Cannot search ${entry.path}: ${problemOf(error)}.`, { cause: error });
      });
      for (const file of files) if (!found.has(file.path)) found.set(file.path, file);
    }
    return [...found.values()];
  }
}

function entryOf(given: string | URL, kind: string): Entry {
  if (given === '-') return { path: STANDARD_INPUT, base: '', isPattern: false };
  const path = absolutePath(given, kind);
  const isPattern = typeof given === 'string' && WILDCARDS.test(given);
  return { path, base: isPattern ? splitPattern(path).base : dirname(path), isPattern };
}

/** Patterns have `/`, on every system. */
const slashes = (path: string): string => (sep === '/' ? path : path.replaceAll(sep, '/'));

/** The folder before the first wildcard, and the segments behind it. */
function splitPattern(path: string): { readonly base: string; readonly segments: readonly string[] } {
  const segments = slashes(path).split('/');
  const first = segments.findIndex((segment) => WILDCARDS.test(segment) || segment.includes('{'));
  const from = first < 0 ? segments.length - 1 : first;
  return { base: resolve(segments.slice(0, from).join('/') || '/'), segments: segments.slice(from) };
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function filesOf(entry: Entry, fileSystem: FileSystem): Promise<readonly FoundFile[]> {
  const { path, isPattern } = entry;
  const stat = await statOfTarget(fileSystem, path);
  if (stat !== undefined) return [{ path, stat }];
  if (!isPattern) throw Object.assign(new Error(path), { code: 'ENOENT' });
  const paths = await matchesOf(entry, fileSystem);
  const files = await concurrently(paths, AT_ONCE, async (match) => ({
    path: match,
    stat: await statOfTarget(fileSystem, match),
  }));
  const found = files.filter((file): file is FoundFile => file.stat?.kind === 'file');
  if (found.length === 0) throw new SourceError(`No file matches ${path}. Check the pattern and the folder.`);
  return found;
}

/** Facts about a file, through symbolic links. */
async function statOfTarget(fileSystem: FileSystem, path: string): Promise<FileStat | undefined> {
  const stat = await fileSystem.stat(path);
  return stat?.kind === 'symlink' ? fileSystem.stat(await fileSystem.realPath(path)) : stat;
}

/** Paths below the base that match, sorted by code units. */
async function matchesOf({ path, base }: Entry, fileSystem: FileSystem): Promise<string[]> {
  // Few inputs are patterns.
  const { default: picomatch } = await import('picomatch');
  const { segments } = splitPattern(path);
  const pattern = segments.join('/');
  const isMatch = picomatch(pattern);
  // Braces may span folders: then no folder can be left out by its name.
  const anyDepthFrom = /\{[^}]*\//.test(pattern) ? 0 : segments.findIndex((part) => part.includes('**'));
  const mayContain = (name: string, depth: number): boolean => {
    if (name.startsWith('.')) return false;
    if (anyDepthFrom >= 0 && depth >= anyDepthFrom) return true;
    return depth < segments.length - 1 && picomatch.isMatch(name, segments[depth] as string);
  };
  const found: string[] = [];
  const search = async (folder: string, depth: number, above: readonly string[]): Promise<void> => {
    for (const name of await fileSystem.list(folder)) {
      const at = folder.endsWith(sep) ? folder + name : folder + sep + name;
      if (isMatch(slashes(relative(base, at))) && !name.endsWith('.part')) found.push(at);
      if (!mayContain(name, depth) || (await statOfTarget(fileSystem, at))?.kind !== 'directory') continue;
      // A link to a folder above would never end.
      const real = await fileSystem.realPath(at);
      if (!above.includes(real)) await search(at, depth + 1, [...above, real]);
    }
  };
  await search(base, 0, [await fileSystem.realPath(base)]);
  return found.sort();
}
