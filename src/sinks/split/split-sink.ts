/**
 * JSON Lines to many files, by a key of the rows and by size: `out/{key}/part-{n}.jsonl`.
 *
 * 1. During the run, rows go to one working file beside the list of files (`frames.ts`), so order, durability and positions are those of
 *    a single file (I6, I7). `publish` makes the files from it (`split-publish.ts`).
 * 2. The list says which session wrote the files, and how much: it tells a later opening that they are published.
 */
import { dirname, join } from 'node:path';
import { InvalidOptionError, SinkError } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { encodeJsonLines } from '../../formats/json-lines-encoder.js';
import { JSON_ADVICE, type RowProblem, rowProblem } from '../../formats/row-problem.js';
import { optional, readOption, whole } from '../../formats/shape.js';
import type { OpenContext } from '../../platform/open-context.js';
import { messageOf } from '../../platform/thrown.js';
import { asSinkError, compareFile, compressorFor, discardFile, FileSink } from '../file-sink.js';
import { jsonlSink } from '../jsonl.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from '../sink.js';
import { type FilePlace, filePosition } from '../written-file.js';
import { encodeFrames, frameOf, readFrames } from './frames.js';
import { matchesTemplate, splitPaths } from './split-paths.js';
import {
  partsFolder,
  publishSplit,
  readList,
  removeParts,
  type SplitFile,
  type SplitTarget,
} from './split-publish.js';

/** What rows are divided by: text, or what becomes text. */
export type SplitKey = string | number | bigint | boolean;

/** How an output is split. */
export interface SplitOptions<T> {
  /** The key of a row. Rows of one key go to the same files, in their order; `{key}` in the path stands for it. */
  readonly key?: ((row: T) => SplitKey) | undefined;
  /** Bytes of a file at most, before compression, and one row at least; `{n}` in the path stands for the number of the file, from 00000. */
  readonly maxBytes?: number | undefined;
}

/** @param path with `{key}` for the option `key`, and `{n}` for the option `maxBytes`.
 * @throws {InvalidOptionError} */
export function splitSink<T = unknown>(path: string | URL, options: SplitOptions<T>): ReadableSink<T> {
  const { key } = options;
  if (key !== undefined && typeof key !== 'function')
    throw new InvalidOptionError('jsonl: key is a function of a row, for example (row) => row.country.');
  const maxBytes = readOption('jsonl', 'maxBytes', optional(whole(1)), options.maxBytes);
  return sinkOf(path, key !== undefined, maxBytes, key);
}

/** The sink of a checkpoint, from what `describe` gave: enough to find, compare and discard what was written. A session that is split
 * by key is resumed with its pipeline: a function is not stored.
 * @throws {InvalidOptionError} */
export function storedSplitSink(
  template: string,
  isKeyed: boolean,
  maxBytes: unknown,
): ReadableSink<unknown> {
  return sinkOf(template, isKeyed, readOption('jsonl', 'maxBytes', optional(whole(1)), maxBytes), undefined);
}

function sinkOf<T>(
  path: string | URL,
  isKeyed: boolean,
  maxBytes: number | undefined,
  key: ((row: T) => SplitKey) | undefined,
): ReadableSink<T> {
  const paths = splitPaths(path, isKeyed, maxBytes !== undefined);
  const { template, list } = paths;
  const place: FilePlace = { path: list, publish: 'rename' };
  const targetOf = ({ fileSystem, sessionId }: OpenContext): SplitTarget => {
    if (fileSystem === undefined) throw new SinkError(`${template}: there are no files in this environment.`);
    return { paths, maxBytes, compress: compressorFor(template), fileSystem, sessionId };
  };
  const publishedAt = async (at: SinkPosition, context: OpenContext) => {
    const { bytes, tail } = filePosition(list, at);
    const { fileSystem, sessionId } = targetOf(context);
    const found = await readList(fileSystem, paths);
    const isOurs =
      found?.session === sessionId && found.written.bytes === bytes && found.written.tail === tail;
    return isOurs ? found : undefined;
  };
  return {
    kind: 'split',
    label: template,
    describe: () => ({ kind: 'split', path: list, template, isKeyed, ...(maxBytes && { maxBytes }) }),
    mayWrite: (file) => matchesTemplate(paths, file),
    async open(at, complete, context) {
      const target = targetOf(context);
      if (isKeyed && key === undefined)
        throw new SinkError(
          `${template}: the function that gives the keys is not stored. Resume with the pipeline, or its file.`,
        );
      if (at !== undefined && (await publishedAt(at, context)) !== undefined) {
        await discardFile(place, at, context);
        return new OpenSplitSink<T>(target, key, { published: at });
      }
      const file = await FileSink.open(place, at, complete, context);
      return new OpenSplitSink<T>(target, key, { file, place });
    },
    isPublished: async (at, context) => (await publishedAt(at, context)) !== undefined,
    deadLetters: () => jsonlSink<JsonObject>(list.replace(/files\.json$/, 'dead-letter.jsonl')),
    async discard(at, context) {
      await discardFile(place, at, context);
      const { fileSystem, sessionId } = targetOf(context);
      await asSinkError(
        `remove what is left of ${template}`,
        removeParts(fileSystem, partsFolder(paths, sessionId)),
      );
    },
    async compare(at, depth, context) {
      const published = await publishedAt(at, context);
      if (published === undefined) return compareFile(place, at, depth, context);
      return missingFile(published.files, targetOf(context));
    },
    async *read(context): AsyncGenerator<T> {
      const { fileSystem } = context;
      const found = fileSystem && (await readList(fileSystem, paths));
      if (found === undefined)
        throw new SinkError(`${template}: nothing is published. The run has not completed.`);
      for (const file of found.files) yield* jsonlSink<T>(filePath(list, file)).read(context);
    },
  };
}

const filePath = (list: string, { path }: SplitFile): string => join(dirname(list), path);

/** A published file that is gone, or has another size. */
async function missingFile(
  files: readonly SplitFile[],
  { fileSystem, paths }: SplitTarget,
): Promise<string | undefined> {
  for (const file of files) {
    const path = filePath(paths.list, file);
    const stat = await fileSystem.stat(path);
    if (stat?.size !== file.bytes) return `${path} is not the file that the run had written`;
  }
  return undefined;
}

class OpenSplitSink<T> implements OpenSink<T> {
  readonly #problem: RowProblem;
  #publishing: Promise<void> | undefined;
  #isPublished = false;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly target: SplitTarget,
    private readonly key: ((row: T) => SplitKey) | undefined,
    private readonly state:
      | { readonly file: FileSink; readonly place: FilePlace }
      | { readonly published: SinkPosition },
  ) {
    this.#problem = rowProblem(target.paths.template, JSON_ADVICE);
  }

  get position(): SinkPosition {
    return 'file' in this.state ? this.state.file.position : this.state.published;
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    const pieces = encodeJsonLines(rows, this.#problem, firstIndex).map(({ lines }) => lines);
    const { key } = this;
    if (key === undefined) return encoded(rows.length, frameOf('', pieces));
    const keys = rows.map((row, i) => this.#keyOf(key, row, firstIndex + i));
    return encoded(rows.length, encodeFrames(pieces, keys));
  }

  #keyOf(key: (row: T) => SplitKey, row: T, index: number): string {
    let value: unknown;
    try {
      value = key(row);
    } catch (error) {
      throw this.#keyProblem(index, `made key() throw: ${messageOf(error)}`, error);
    }
    if (typeof value === 'string') return value;
    const isKey = Number.isFinite(value) || typeof value === 'bigint' || typeof value === 'boolean';
    if (isKey) return String(value);
    const what =
      value === null || value === undefined || typeof value === 'number' ? String(value) : typeof value;
    throw this.#keyProblem(
      index,
      `has no key: key() returned ${what}; it must return text, a number or a boolean`,
    );
  }

  #keyProblem(index: number, what: string, cause?: unknown): SinkError {
    return rowProblem(this.target.paths.template)(index, what, cause);
  }

  append(batches: readonly EncodedRows[]): Promise<void> {
    return this.#file.append(batches.flatMap(({ data }) => data as readonly Uint8Array[]));
  }

  async flush(): Promise<SinkPosition> {
    // Read before the await: rows that are appended during the flush are not covered by it.
    const { position } = this;
    if ('file' in this.state && this.#isPublished === false) await this.#file.flush();
    return position;
  }

  publish(): Promise<void> {
    if (!('file' in this.state)) return Promise.resolve();
    this.#publishing ??= this.#publish(this.state);
    return this.#publishing;
  }

  async #publish({ file, place }: { readonly file: FileSink; readonly place: FilePlace }): Promise<void> {
    await file.flush();
    const { position } = file;
    const { bytes, tail } = position;
    const { template, list } = this.target.paths;
    const frames = readFrames(`${list}.part`, bytes, (from, length) => file.read(from, length));
    await asSinkError(`publish ${template}`, publishSplit(this.target, frames, { bytes, tail }));
    this.#isPublished = true;
    await file.close();
    await discardFile(place, position, this.target);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      if (!('file' in this.state)) return;
      await this.state.file.close();
      await this.#publishing?.catch(() => {});
    })();
    return this.#closed;
  }

  /** @throws {SinkError} if it was published before it was opened. */
  get #file(): FileSink {
    if ('file' in this.state) return this.state.file;
    throw new SinkError(`Cannot write ${this.target.paths.template}: it is published already.`);
  }
}

function encoded(rows: number, chunks: readonly Uint8Array[]): EncodedRows {
  return { rows, bytes: chunks.reduce((sum, { length }) => sum + length, 0), data: chunks };
}
