/**
 * Several files as one input: they are read one after the other, and a batch never has rows of two files.
 *
 * 1. A position is a file and a place in it. Reopening opens that file alone; it looks at the others, and does not read them.
 * 2. (I15) A position also has two hashes of the files before it: of their names, sizes and modification times, and of their
 *    names, sizes and contents (their beginnings and ends). The second one is computed again only if the first one differs.
 *    So added, removed and changed files are refused where rows of them were read, and read where none were.
 * 3. The file of the position may have grown. Files that come later in the order are read as well.
 * 4. At most one file is open for reading (I13).
 */
import { basename } from 'node:path';
import { PipelineMismatchError, SourceError } from '../errors.js';
import { isCount, type Json } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';
import {
  compareBefore,
  extend,
  HASH_LENGTH,
  type Hashes,
  hashOf,
  NOTHING,
  nameHash,
  nameOf,
  type OpenFile,
} from './file-hashes.js';
import type { FoundFile, InputFiles } from './file-input.js';
import type { FileSource } from './file-source.js';
import type { OpenSource, SourceBatch, SourcePosition } from './source.js';
import { openStandardInput } from './standard-input.js';

/** Opens one file, or several as one input. @throws {SourceError} and {PipelineMismatchError} */
export async function openInput<T>(
  input: InputFiles,
  at: SourcePosition | undefined,
  { fileSystem }: OpenContext,
  openFile: OpenFile<T>,
): Promise<OpenSource<T>> {
  if (input.isStandardInput) return openStandardInput(at, openFile);
  const path = await input.singlePath(fileSystem);
  if (path !== undefined) return openFile(path, at);
  return ManyFiles.open(input, await input.find(fileSystem), at, openFile);
}

interface ManyPosition {
  /** From 0, in the order of reading. */
  readonly file: number;
  /** Hash of the file's name. */
  readonly name: string;
  /** Bytes of the contents of the files before it. */
  readonly base: number;
  /** Hashes of the files before it. */
  readonly before: Hashes;
  /** Place in the file. */
  readonly place: SourcePosition;
}

const COMPRESSED = /\.(gz|zst)$/;

/** @throws {PipelineMismatchError} if it is not a position of several files. */
function manyPosition(label: string, { file, name, base, before, ...place }: SourcePosition): ManyPosition {
  const isHash = (value: unknown): value is string =>
    typeof value === 'string' && /^([0-9a-f]{16})*$/.test(value);
  if (!isCount(file) || !isCount(base) || typeof name !== 'string' || !isHash(before))
    throw new PipelineMismatchError([`the stored position is not one of ${label}`], false);
  const hashes = { stats: before.slice(0, HASH_LENGTH), contents: before.slice(HASH_LENGTH) };
  return { file, name, base, before: hashes, place };
}

/** A file that is being read. */
interface Current<T> {
  readonly index: number;
  readonly source: FileSource<T>;
}

export class ManyFiles<T> implements OpenSource<T> {
  /** Absent if files are compressed: the sizes of their contents are not known. */
  readonly total?: { readonly unit: 'bytes'; readonly value: number };
  readonly columns?: readonly string[];
  readonly files: readonly FoundFile[];
  /** How the files before the position differ from those that the run had read. */
  readonly difference?: string;
  #current: Current<T>;
  /** Of the files before the current one. */
  #base: number;
  #before: Hashes;
  /** What the files that were read to their ends are, until a later one is committed. */
  readonly #ended = new Map<number, Json>();
  /** Identities that are being computed: their file stays open. */
  #identifying: Promise<unknown> = Promise.resolve();
  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(
    private readonly input: InputFiles,
    private readonly found: readonly FoundFile[],
    private readonly openFile: OpenFile<T>,
    opened: {
      readonly current: Current<T>;
      readonly base: number;
      readonly before: Hashes;
      readonly difference: string | undefined;
      readonly columns: readonly string[] | undefined;
    },
  ) {
    const { current, base, before, difference, columns } = opened;
    this.#current = current;
    this.#base = base;
    this.#before = before;
    this.files = found;
    if (difference !== undefined) this.difference = difference;
    if (columns !== undefined) this.columns = columns;
    if (current.source.total !== undefined && !found.some(({ path }) => COMPRESSED.test(path)))
      this.total = { unit: 'bytes', value: found.reduce((sum, { stat }) => sum + stat.size, 0) };
  }

  static async open<T>(
    input: InputFiles,
    found: readonly FoundFile[],
    at: SourcePosition | undefined,
    openFile: OpenFile<T>,
  ): Promise<ManyFiles<T>> {
    const { label, folder } = input;
    const position = at === undefined ? undefined : manyPosition(label, at);
    const index = position === undefined ? 0 : placeOf(found, position, input);
    const compared = position && (await compareBefore(folder, found.slice(0, index), position, openFile));
    const source = await openFile((found[index] as FoundFile).path, position?.place);
    try {
      const isFirst = index === 0 || source.columns === undefined;
      const columns = isFirst ? source.columns : await columnsOf(openFile, found[0] as FoundFile);
      assertSameColumns(source, columns, found, index);
      return new ManyFiles(input, found, openFile, {
        current: { index, source },
        base: position?.base ?? 0,
        before: compared?.before ?? NOTHING,
        difference: compared?.difference,
        columns,
      });
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Of the file that is being read. */
  get file(): FileSource<T>['file'] {
    return this.#current.source.file;
  }

  read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    const reading = this.#read(maxRows, maxBytes);
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async #read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    while (!this.#isClosed) {
      const { index, source } = this.#current;
      const batch = await source.read(maxRows, maxBytes);
      if (batch !== undefined) return this.#batchOf(batch);
      if (this.#isClosed || index === this.found.length - 1) break;
      await this.#openNext();
    }
    return undefined;
  }

  #batchOf(batch: SourceBatch<T>): SourceBatch<T> {
    const { index } = this.#current;
    const { stats, contents } = this.#before;
    const place = { file: index, name: this.#nameHash(index), base: this.#base, before: stats + contents };
    return { ...batch, position: { ...batch.position, ...place }, done: this.#base + batch.done };
  }

  async #openNext(): Promise<void> {
    const { index, source } = this.#current;
    const { end, identity, modifiedAtMs } = await source.summary();
    const size = (this.found[index] as FoundFile).stat.size;
    this.#before = extend(this.#before, this.#name(index), {
      size: source.total === undefined ? size : end,
      modifiedAtMs,
      identity,
    });
    this.#base += end;
    this.#ended.set(index, identity);
    const next = index + 1;
    const opened = await this.openFile((this.found[next] as FoundFile).path, undefined);
    this.#current = { index: next, source: opened };
    await this.#identifying;
    await source.close();
    assertSameColumns(opened, this.columns, this.found, next);
  }

  #name(index: number): string {
    return nameOf(this.input.folder, this.found[index] as FoundFile);
  }

  #nameHash(index: number): string {
    return nameHash(this.#name(index));
  }

  identity(position: SourcePosition): Promise<Json> {
    const at = manyPosition(this.input.label, position);
    const identifying = this.#identityAt(at);
    this.#identifying = Promise.all([this.#identifying, identifying.catch(() => {})]);
    return identifying;
  }

  async #identityAt({ file, name, before, place }: ManyPosition): Promise<Json> {
    // What comes before a committed position is not asked for again.
    for (const index of this.#ended.keys()) if (index < file) this.#ended.delete(index);
    const isOpened = this.difference !== undefined && file === this.#current.index;
    const { contents } = isOpened ? this.#before : before;
    return { before: contents, name, file: await this.#identityIn(file, place) };
  }

  async #identityIn(index: number, place: SourcePosition): Promise<Json> {
    const { source } = this.#current;
    if (index === this.#current.index) return source.identity(place);
    const again = await this.openFile((this.found[index] as FoundFile).path, undefined);
    try {
      return await again.identity(place);
    } finally {
      await again.close();
    }
  }

  async identityOfWhole(size = Number.POSITIVE_INFINITY): Promise<Json> {
    let names = '';
    let bytes = 0;
    for (const [index, { stat }] of this.found.entries()) {
      if (this.total !== undefined && bytes >= size) break;
      const rest = this.total === undefined ? stat.size : Math.min(stat.size, size - bytes);
      names = hashOf(names, this.#name(index), rest);
      bytes += rest;
    }
    const first = this.found[0] as FoundFile;
    const source = await this.openFile(first.path, undefined);
    try {
      return { names, first: await source.identityOfWhole(Math.min(first.stat.size, size)) };
    } finally {
      await source.close();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#current.source.close();
    await this.#reading;
    await this.#identifying;
    await this.#current.source.close();
  }
}

/** The index of the file of a position. @throws {PipelineMismatchError} */
function placeOf(found: readonly FoundFile[], { file, name }: ManyPosition, input: InputFiles): number {
  const isIt = (candidate: FoundFile | undefined) =>
    candidate !== undefined && nameHash(nameOf(input.folder, candidate)) === name;
  const index = isIt(found[file]) ? file : found.findIndex(isIt);
  if (index >= 0) return index;
  throw new PipelineMismatchError(
    [`${input.label}: the file that the run was reading, number ${file + 1}, is not there any more`],
    false,
  );
}

async function columnsOf<T>(
  openFile: OpenFile<T>,
  { path }: FoundFile,
): Promise<readonly string[] | undefined> {
  const source = await openFile(path, undefined);
  await source.close();
  return source.columns;
}

/** Columns are found by name: their order may differ. @throws {SourceError} if their names do. */
function assertSameColumns(
  { columns }: Pick<OpenSource<unknown>, 'columns'>,
  first: readonly string[] | undefined,
  found: readonly FoundFile[],
  index: number,
): void {
  if (first === undefined || columns === undefined) return;
  const missing = first.filter((name) => !columns.includes(name)).map((name) => `no "${name}"`);
  const added = columns.filter((name) => !first.includes(name)).map((name) => `"${name}" in addition`);
  if (missing.length + added.length === 0) return;
  const what = [...missing, ...added].slice(0, 5).join(', ');
  throw new SourceError(
    `${found[index]?.path}: its columns are not those of ${basename(found[0]?.path ?? '')}: ${what}. Give all files the same columns, in any order.`,
  );
}
