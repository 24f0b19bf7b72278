/**
 * Publishes an output that is split: its working file becomes the files of the template.
 *
 * 1. (I19) Every file is written and fsynced in a folder of the session, `<list>.<session>.parts`; then each is renamed to its place, so it is
 *    there whole or not at all. The list of files is renamed last.
 * 2. Files of the earlier list that are not in the new one are removed before that: an earlier result leaves nothing behind.
 * 3. It may be repeated after a crash at any point: it begins again, and gives the same files.
 * 4. A file ends before the row that would exceed `maxBytes`: the files do not depend on how rows were batched.
 * 5. At most `MAX_OPEN` files are open, and about `MAX_BUFFERED` bytes are in memory, for any number of keys.
 */
import { dirname, join, relative, sep } from 'node:path';
import type { Compressor } from '../../formats/compressed/compress.js';
import { isObject } from '../../formats/json.js';
import { LF } from '../../formats/record-scanner.js';
import { concurrently } from '../../platform/concurrently.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { makeDirectory } from '../working-file.js';
import type { Frame } from './frames.js';
import { SplitNames, type SplitPaths } from './split-paths.js';

const MAX_OPEN = 64;
const MAX_BUFFERED = 16 * 1024 * 1024;
const PERMISSIONS = 0o666;
const MAX_LIST_BYTES = 256 * 1024 * 1024;
const AT_ONCE = 8;

/** One file of the output, as the list has it. */
export interface SplitFile {
  /** Relative to the folder of the list, with `/`. */
  readonly path: string;
  readonly key: string;
  readonly rows: number;
  /** Of the file. */
  readonly bytes: number;
}

/** The list of an output's files. */
export interface SplitList {
  readonly session: string;
  /** Of the working file: bytes, and a hash of the last ones. */
  readonly written: { readonly bytes: number; readonly tail: string };
  readonly files: readonly SplitFile[];
}

export interface SplitTarget {
  readonly paths: SplitPaths;
  /** Bytes of a file before compression; undefined: no limit. */
  readonly maxBytes: number | undefined;
  readonly compress: Compressor;
  readonly fileSystem: FileSystem;
  readonly sessionId: string;
}

/** The list at its place; undefined: there is none, or it is no list. */
export async function readList(fileSystem: FileSystem, { list }: SplitPaths): Promise<SplitList | undefined> {
  if ((await fileSystem.stat(list))?.kind !== 'file') return undefined;
  try {
    const value: unknown = JSON.parse(
      new TextDecoder().decode(await fileSystem.readFile(list, MAX_LIST_BYTES)),
    );
    if (!isObject(value) || !isObject(value.written) || !Array.isArray(value.files)) return undefined;
    const { session, written, files } = value as unknown as SplitList;
    const isSound = files.every((file) => isObject(file) && isInside(file.path));
    return typeof session === 'string' && isSound ? { session, written, files } : undefined;
  } catch {
    return undefined;
  }
}

/** What is on the disk is not trusted (I9): a list never leads out of its folder. */
const isInside = (path: unknown): path is string =>
  typeof path === 'string' && path !== '' && !path.split('/').includes('..') && !/^[/\\]|^[a-z]:/i.test(path);

/** The folder of a session's files, until they are published. */
export const partsFolder = ({ list }: SplitPaths, sessionId: string): string => `${list}.${sessionId}.parts`;

/** Removes the files that a session began and did not publish. */
export async function removeParts(fileSystem: FileSystem, folder: string): Promise<void> {
  if ((await fileSystem.stat(folder))?.kind !== 'directory') return;
  for (const name of await fileSystem.list(folder)) await fileSystem.unlink(join(folder, name));
  await fileSystem.rmdir(folder);
  await fileSystem.syncDirectory(dirname(folder));
}

/** @param frames the working file. @param written what it holds. */
export async function publishSplit(
  target: SplitTarget,
  frames: AsyncIterable<Frame>,
  written: SplitList['written'],
): Promise<void> {
  const { paths, fileSystem, sessionId } = target;
  const base = dirname(paths.list);
  const folder = partsFolder(paths, sessionId);
  await removeParts(fileSystem, folder);
  await makeDirectory(fileSystem, folder);
  const parts = new PartWriter(target, folder);
  for await (const frame of frames) await parts.add(frame);
  const begun = await parts.finish();
  const files = begun.map(({ path, key, rows, written: bytes }) => {
    return { path: relative(base, path).replaceAll(sep, '/'), key, rows, bytes };
  });
  const listPart = join(folder, 'list');
  const handle = await fileSystem.open(listPart, 'create', PERMISSIONS);
  try {
    const list: SplitList = { session: sessionId, written, files };
    await handle.write([Buffer.from(`${JSON.stringify(list)}\n`)], 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const folders = new Set<string>([base]);
  for (const { path } of begun) folders.add(dirname(path));
  for (const each of folders) await makeDirectory(fileSystem, each);
  await concurrently(begun, AT_ONCE, ({ part, path }) => fileSystem.rename(part, path));
  await removeStale(target, new Set(files.map(({ path }) => path)), folders);
  for (const each of folders) await fileSystem.syncDirectory(each);
  await fileSystem.rename(listPart, paths.list);
  await fileSystem.syncDirectory(base);
  await removeParts(fileSystem, folder);
}

/** Removes files of the list that is to be replaced. */
async function removeStale(
  { fileSystem, paths }: SplitTarget,
  kept: ReadonlySet<string>,
  folders: Set<string>,
): Promise<void> {
  const earlier = await readList(fileSystem, paths);
  for (const { path } of earlier?.files ?? []) {
    const stale = join(dirname(paths.list), path);
    if (kept.has(path) || (await fileSystem.stat(stale).catch(() => undefined))?.kind !== 'file') continue;
    await fileSystem.unlink(stale);
    folders.add(dirname(stale));
  }
}

/** A file that is being written. */
interface Part {
  readonly key: string;
  readonly path: string;
  /** Where it is until it is published. */
  readonly part: string;
  rows: number;
  /** Before compression. */
  bytes: number;
  /** In the file. */
  written: number;
  buffered: Uint8Array[];
  bufferedBytes: number;
}

class PartWriter {
  readonly #names: SplitNames;
  readonly #all: Part[] = [];
  readonly #files = new Map<string, Part[]>();
  /** In the order of their last use. */
  readonly #open = new Map<Part, FileHandle>();
  #buffered = 0;

  constructor(
    private readonly target: SplitTarget,
    private readonly folder: string,
  ) {
    this.#names = new SplitNames(target.paths);
  }

  async add({ key, lines }: Frame): Promise<void> {
    const { maxBytes } = this.target;
    if (maxBytes === undefined) this.#put(this.#partOf(key), lines);
    else
      for (let from = 0; from < lines.length; ) {
        let end = lines.indexOf(LF, from) + 1;
        const part = this.#partOf(key, end - from);
        while (end < lines.length) {
          const next = lines.indexOf(LF, end) + 1;
          if (part.bytes + next - from > maxBytes) break;
          end = next;
        }
        this.#put(part, lines.subarray(from, end));
        from = end;
      }
    if (this.#buffered > MAX_BUFFERED) await this.#writeLargest();
  }

  /** Makes every file durable. @returns all: by key, in the order of their first rows. */
  async finish(): Promise<readonly Part[]> {
    for (const part of this.#all) if (part.bufferedBytes > 0) await this.#write(part);
    for (const part of [...this.#open.keys()]) await this.#close(part);
    return [...this.#files.values()].flat();
  }

  /** The file that the next line of a key goes to. */
  #partOf(key: string, bytes = 0): Part {
    const files = this.#files.get(key) ?? [];
    const current = files.at(-1);
    const { maxBytes = Number.POSITIVE_INFINITY } = this.target;
    if (current !== undefined && (current.bytes === 0 || current.bytes + bytes <= maxBytes)) return current;
    const part: Part = {
      path: this.#names.pathOf(key, files.length),
      part: join(this.folder, String(this.#all.length)),
      ...{ key, rows: 0, bytes: 0, written: 0, buffered: [], bufferedBytes: 0 },
    };
    this.#all.push(part);
    files.push(part);
    this.#files.set(key, files);
    return part;
  }

  #put(part: Part, lines: Uint8Array): void {
    // A copy: a view would keep the whole block that was read.
    part.buffered.push(lines.slice());
    part.bufferedBytes += lines.length;
    part.bytes += lines.length;
    for (let at = lines.indexOf(LF); at >= 0; at = lines.indexOf(LF, at + 1)) part.rows++;
    this.#buffered += lines.length;
  }

  /** Makes room: the most for the fewest writes. */
  async #writeLargest(): Promise<void> {
    const parts = this.#all.filter(({ bufferedBytes }) => bufferedBytes > 0);
    parts.sort((a, b) => b.bufferedBytes - a.bufferedBytes);
    for (const part of parts) {
      if (this.#buffered <= MAX_BUFFERED / 2) return;
      await this.#write(part);
    }
  }

  async #write(part: Part): Promise<void> {
    const handle = await this.#handleOf(part);
    const chunks = this.target.compress(part.buffered);
    await handle.write(chunks, part.written);
    for (const { length } of chunks) part.written += length;
    this.#buffered -= part.bufferedBytes;
    part.buffered = [];
    part.bufferedBytes = 0;
  }

  async #handleOf(part: Part): Promise<FileHandle> {
    const open = this.#open.get(part);
    this.#open.delete(part);
    const handle =
      open ??
      (part.written === 0
        ? await this.target.fileSystem.open(part.part, 'create', PERMISSIONS)
        : await this.target.fileSystem.open(part.part, 'update'));
    this.#open.set(part, handle);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined) await this.#close(oldest);
    return handle;
  }

  /** A failed fsync is reported to the handle that wrote (I6): it is not closed before. */
  async #close(part: Part): Promise<void> {
    const handle = this.#open.get(part);
    this.#open.delete(part);
    try {
      await handle?.sync();
    } finally {
      await handle?.close();
    }
  }
}
