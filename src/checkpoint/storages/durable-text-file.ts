/**
 * A lowdb adapter like its own `TextFile`, but one that survives `kill -9`, power loss and a full disk.
 *
 * 1. A `write` that resolved is on the disk: temp file, fsync, rename, fsync of the directory. One that did not leaves
 *    the earlier contents, whole, or the new ones, whole.
 * 2. (I6) A failure is final: no fsync is tried twice, and this adapter writes nothing more, because after a failed
 *    fsync the kernel may have forgotten what it could not write.
 * 3. Nothing is followed: the temp name is random and created exclusively, a symlink in the file's place is refused
 *    when read and replaced when written.
 * 4. Reading is bounded.
 */
import { dirname } from 'node:path';
import type { Adapter } from 'lowdb';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { codeOf } from '../../platform/thrown.js';

const TEMP = /\.[0-9a-f-]{36}\.tmp$/;

/** A new name for a file that is renamed to `path` once it is finished. */
export function tempNameOf(path: string): string {
  return `${path}.${crypto.randomUUID()}.tmp`;
}

/** Whether a name is one that a writer gave to a file it had not finished. */
export function isTempName(name: string): boolean {
  return TEMP.test(name);
}

export interface DurableTextFileOptions {
  /** Bytes that `read` takes at most (code `EFBIG` beyond). */
  readonly maxBytes: number;
}

export class DurableTextFile implements Adapter<string> {
  #failure: unknown;

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly path: string,
    private readonly options: DurableTextFileOptions,
  ) {}

  /** Null where there is no file. Bytes that are not UTF-8 are refused (code `EILSEQ`), and so is an empty file (code
   * `ENODATA`): lowdb would take it for one that is not there. */
  async read(): Promise<string | null> {
    let bytes: Uint8Array;
    try {
      bytes = await this.fileSystem.readFile(this.path, this.options.maxBytes);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
    if (bytes.length === 0) throw failure('ENODATA', `an empty file, '${this.path}'`);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw failure('EILSEQ', `not UTF-8, '${this.path}'`, cause);
    }
  }

  async write(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#replace(new TextEncoder().encode(text));
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async #replace(bytes: Uint8Array): Promise<void> {
    const temp = tempNameOf(this.path);
    const handle = await this.fileSystem.open(temp, 'create');
    try {
      await writeAndClose(handle, bytes);
      await this.fileSystem.rename(temp, this.path);
    } catch (error) {
      // The next owner would clear it away too; what counts is the first error.
      await this.fileSystem.unlink(temp).catch(() => undefined);
      throw error;
    }
    await this.fileSystem.syncDirectory(dirname(this.path));
  }
}

async function writeAndClose(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await handle.write([bytes], 0);
    await handle.sync();
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
  await handle.close();
}

function failure(code: string, what: string, cause?: unknown): Error {
  return Object.assign(new Error(`${code}: ${what}`, { cause }), { code });
}
