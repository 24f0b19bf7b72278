/**
 * Standard input as a source: `jsonl('-')`. It is read once, from its beginning to its end; a run that reads it cannot be resumed.
 */
import { PipelineMismatchError } from '../errors.js';
import type { FileHandle, FileStat } from '../platform/file-system.js';
import type { OpenSource, SourceBatch, SourcePosition } from './source.js';

/** What stands for its path, in messages too. No path is so: paths are absolute. */
export const STANDARD_INPUT = 'standard input';

/** Bytes that may be read again: a header and the first rows are read twice. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** A stream as a file that is read forward. */
export class StreamHandle implements FileHandle {
  readonly #stream: NodeJS.ReadableStream & { destroy?(): unknown };
  readonly #chunks: AsyncIterator<Buffer | string>;
  #kept: Buffer[] = [];
  /** Offset of the first byte that is kept, and behind the last one that has come. */
  #from = 0;
  #end = 0;
  #isEnded = false;
  #lane: Promise<unknown> = Promise.resolve();

  constructor(stream: NodeJS.ReadableStream) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const reading = this.#lane.then(() => this.#read(buffer, length, position));
    this.#lane = reading.catch(() => {});
    return reading;
  }

  async #read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (position < this.#from) throw new Error('standard input cannot be read again');
    while (position >= this.#end && !this.#isEnded) await this.#readChunk();
    let at = this.#from;
    for (const chunk of this.#kept) {
      if (position < at + chunk.length) return chunk.copy(buffer, 0, position - at, position - at + length);
      at += chunk.length;
    }
    return 0;
  }

  async #readChunk(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true) {
      this.#isEnded = true;
      return;
    }
    const chunk = typeof value === 'string' ? Buffer.from(value) : value;
    this.#kept.push(chunk);
    this.#end += chunk.length;
    while (this.#end - this.#from > KEPT_BYTES && this.#kept.length > 1) {
      this.#from += this.#kept[0]?.length ?? 0;
      this.#kept.shift();
    }
  }

  async stat(): Promise<FileStat> {
    // Not known: it is never found to be shorter.
    return { kind: 'other', size: Number.POSITIVE_INFINITY, inode: 0, device: 0, modifiedAtMs: 0 };
  }

  /** Ends a read that waits for input. */
  async close(): Promise<void> {
    this.#isEnded = true;
    this.#stream.destroy?.();
  }

  write(): Promise<never> {
    return refuse();
  }

  sync(): Promise<never> {
    return refuse();
  }

  datasync(): Promise<never> {
    return refuse();
  }

  truncate(): Promise<never> {
    return refuse();
  }
}

async function refuse(): Promise<never> {
  throw Object.assign(new Error('Standard input is read only.'), { code: 'EBADF' });
}

/** The rows of a file. */
type FileRows<T> = OpenSource<T> & { readonly file: Pick<FileHandle, 'close'> };

/** @throws {PipelineMismatchError} for a position: what was read is gone. */
export async function openStandardInput<T>(
  at: SourcePosition | undefined,
  openFile: (path: string, at: undefined) => Promise<FileRows<T>>,
): Promise<OpenSource<T>> {
  if (at !== undefined)
    throw new PipelineMismatchError(['standard input cannot be read again; run with a file instead'], false);
  return new StandardInputRows(await openFile(STANDARD_INPUT, undefined));
}

class StandardInputRows<T> implements OpenSource<T> {
  readonly columns?: readonly string[];

  constructor(private readonly source: FileRows<T>) {
    if (source.columns !== undefined) this.columns = source.columns;
  }

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    const batch = await this.source.read(maxRows, maxBytes);
    if (batch === undefined) return undefined;
    const { file: _, ...rows } = batch;
    return rows;
  }

  /** Nothing can be said of it. */
  async identity(): Promise<undefined> {}

  async close(): Promise<void> {
    // A read may wait for input that never comes.
    await this.source.file.close();
    await this.source.close();
  }
}
