/**
 * A Parquet file as a sink.
 *
 * 1. During the run, rows go to a working file of JSON lines, `<path>.jsonl.part`: order, durability and positions are those of a file
 *    (I6, I7), because the footer of a Parquet file comes last.
 * 2. `publish` makes the Parquet file from it in `<path>.<session>.part`, fsyncs and renames it (I19). It may be repeated after a crash.
 * 3. The footer of a published file says from which lines it was made: a later opening recognises it.
 */
import { dirname } from 'node:path';
import { SinkError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import { rowProblem } from '../formats/row-problem.js';
import type { FileSystem } from '../platform/file-system.js';
import type { OpenContext } from '../platform/open-context.js';
import { deadLetterPath } from '../sinks/dead-letter-path.js';
import { asSinkError, compareFile, discardFile, FileSink } from '../sinks/file-sink.js';
import { jsonlSink } from '../sinks/jsonl.js';
import type { EncodedRows, OpenSink, ReadableSink, SinkPosition } from '../sinks/sink.js';
import { type FilePlace, filePosition } from '../sinks/written-file.js';
import type { ParquetColumn } from './column-types.js';
import { ParquetFile } from './parquet-file.js';
import { loadWriter } from './peers.js';
import { MADE_FROM, writeParquet } from './write-parquet.js';

export interface ParquetSinkOptions {
  readonly path: string;
  readonly columns: readonly ParquetColumn[];
  readonly rowGroupRows: number;
}

const PERMISSIONS = 0o666;

export function parquetSink<T extends object>(options: ParquetSinkOptions): ReadableSink<T> {
  const { path } = options;
  const place: FilePlace = { path: `${path}.jsonl`, publish: 'rename' };
  const isPublished = async (at: SinkPosition, { fileSystem }: OpenContext) =>
    (await madeFromOf(path, fileSystem)) === madeFrom(place, at);
  return {
    kind: 'parquet',
    label: path,
    files: [path],
    describe: () => undefined,
    async open(at, complete, context) {
      await loadWriter(SinkError);
      if (at !== undefined && complete && (await isPublished(at, context))) {
        await discardFile(place, at, context);
        // An earlier run may have published the same rows, and this one was killed while it made its file.
        await asSinkError(`remove what is left of ${path}`, removePart(path, context));
        return new OpenParquetSink<T>(options, place, context, { published: at });
      }
      const file = await FileSink.open(place, at, complete, context);
      return new OpenParquetSink<T>(options, place, context, { file });
    },
    isPublished,
    deadLetters: () => jsonlSink<JsonObject>(deadLetterPath(path)),
    async discard(at, context) {
      await discardFile(place, at, context);
      await asSinkError(`remove what is left of ${path}`, removePart(path, context));
    },
    async compare(at, depth, context) {
      return (await isPublished(at, context)) ? undefined : compareFile(place, at, depth, context);
    },
    async *read({ fileSystem }) {
      const file = await ParquetFile.open(path, fileSystem, undefined);
      try {
        for (const [group] of file.groups.entries()) yield* (await file.readGroup(group)) as readonly T[];
      } finally {
        await file.handle.close();
      }
    },
  };
}

/** The lines up to a position, in a few characters. */
function madeFrom({ path }: FilePlace, at: SinkPosition): string {
  const { bytes, tail, crc = '' } = filePosition(path, at);
  return `${bytes}-${tail}-${crc}`;
}

/** What the file at `path` was made from; undefined: it is none of ours, or not there. */
async function madeFromOf(path: string, fileSystem: FileSystem | undefined): Promise<string | undefined> {
  if ((await fileSystem?.stat(path))?.kind !== 'file') return undefined;
  try {
    const { handle, metadata } = await ParquetFile.open(path, fileSystem, []);
    await handle.close();
    return metadata.key_value_metadata?.find(({ key }) => key === MADE_FROM)?.value;
  } catch {
    return undefined;
  }
}

const partOf = (path: string, sessionId: string): string => `${path}.${sessionId}.part`;

async function removePart(path: string, { fileSystem, sessionId }: OpenContext): Promise<void> {
  const part = partOf(path, sessionId);
  if ((await fileSystem?.stat(part)) !== undefined) await fileSystem?.unlink(part);
}

type State = { readonly file: FileSink } | { readonly published: SinkPosition };

class OpenParquetSink<T extends object> implements OpenSink<T> {
  #publishing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly options: ParquetSinkOptions,
    private readonly place: FilePlace,
    private readonly context: OpenContext,
    private readonly state: State,
  ) {}

  get position(): SinkPosition {
    return 'file' in this.state ? this.state.file.position : this.state.published;
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    const lines = rows.map((row, i) => this.#lineOf(row, firstIndex + i)).join('');
    const bytes = Buffer.from(lines);
    return { rows: rows.length, bytes: bytes.length, data: bytes.length === 0 ? [] : [bytes] };
  }

  /** @throws {SinkError} for a value that its column cannot keep. */
  #lineOf(row: T, index: number): string {
    const { path, columns } = this.options;
    const refuse = (what: string): SinkError => rowProblem(path)(index, what);
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw refuse('is not an object');
    const unknown = Object.keys(row).find((key) => !columns.some(({ name }) => name === key));
    if (unknown !== undefined)
      throw refuse(`has a field ${JSON.stringify(unknown.slice(0, 80))} and no column for it`);
    const stored = columns.map(({ name, store, expected }) => {
      const value = store((row as Readonly<Record<string, unknown>>)[name]);
      if (value === undefined) throw refuse(`does not fit column ${name}, which takes ${expected}`);
      return value;
    });
    return `${JSON.stringify(stored)}\n`;
  }

  append(encoded: readonly EncodedRows[]): Promise<void> {
    return this.#file.append(encoded.flatMap(({ data }) => data as readonly Uint8Array[]));
  }

  async flush(): Promise<SinkPosition> {
    // Read before the await: rows that are appended during the flush are not covered by it.
    const { position } = this;
    if ('file' in this.state && this.#publishing === undefined) await this.state.file.flush();
    return position;
  }

  publish(): Promise<void> {
    if (!('file' in this.state)) return Promise.resolve();
    this.#publishing ??= this.#publish(this.state.file);
    return this.#publishing;
  }

  async #publish(file: FileSink): Promise<void> {
    const { path } = this.options;
    await file.flush();
    const { position } = file;
    await asSinkError(`publish ${path}`, this.#replaceTarget(file, position));
    await file.close();
    await discardFile(this.place, position, this.context);
  }

  async #replaceTarget(file: FileSink, position: SinkPosition): Promise<void> {
    const { path } = this.options;
    const { sessionId } = this.context;
    const fileSystem = this.context.fileSystem as FileSystem;
    const module = await loadWriter(SinkError);
    await removePart(path, this.context);
    const part = partOf(path, sessionId);
    const handle = await fileSystem.open(part, 'create', PERMISSIONS);
    try {
      const lines = { bytes: file.bytes, read: (from: number, length: number) => file.read(from, length) };
      await writeParquet(module, handle, lines, {
        ...this.options,
        madeFrom: madeFrom(this.place, position),
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fileSystem.rename(part, path);
    await fileSystem.syncDirectory(dirname(path));
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      if (!('file' in this.state)) return;
      // What is published reads the file to its end.
      await this.#publishing?.catch(() => {});
      await this.state.file.close();
    })();
    return this.#closed;
  }

  /** @throws {SinkError} if it was published before it was opened. */
  get #file(): FileSink {
    if ('file' in this.state) return this.state.file;
    throw new SinkError(`Cannot write ${this.options.path}: it is published already.`);
  }
}
