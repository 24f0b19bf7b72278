/**
 * Logs of keyed state as files of the session's directory: `<session>/state/<name>.log`.
 *
 * 1. (I6) An append is cut, written and fsynced before it resolves; with a log's first append, its name is durable, too.
 * 2. (I9) A log is read up to the length that the checkpoint names; a shorter file is damage.
 */
import { join } from 'node:path';
import { CorruptStateError } from '../../errors.js';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { listDirectory, makeDirectory } from '../storages/state-directory.js';
import { isStateLogName, type StateLogs } from './state-logs.js';

const PIECE_BYTES = 1024 * 1024;
const SUFFIX = '.log';

/** @param home the session's directory; it exists before the first append. */
export function fileStateLogs(fileSystem: FileSystem, home: string): StateLogs {
  return new FileStateLogs(fileSystem, join(home, 'state'));
}

interface OpenLog {
  readonly handle: FileHandle;
  /** Bytes of the file. */
  size: number;
}

class FileStateLogs implements StateLogs {
  readonly #open = new Map<string, Promise<OpenLog>>();

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
  ) {}

  async *read(name: string, length: number): AsyncIterable<Uint8Array> {
    const path = this.#path(name);
    const size = (await this.fileSystem.stat(path))?.size;
    if (size === undefined) throw new CorruptStateError(path, 'it is missing');
    if (size < length) throw new CorruptStateError(path, `it has ${size} of ${length} bytes`);
    const handle = await this.fileSystem.open(path, 'read');
    try {
      for (let at = 0; at < length; ) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, length - at));
        const read = await handle.read(piece, piece.length, at);
        if (read === 0) throw new CorruptStateError(path, `it ends at byte ${at} of ${length}`);
        yield piece.subarray(0, read);
        at += read;
      }
    } finally {
      await handle.close();
    }
  }

  async append(name: string, at: number, pieces: readonly Uint8Array[]): Promise<void> {
    const log = await this.#log(name);
    if (log.size < at) throw new CorruptStateError(this.#path(name), `it has ${log.size} of ${at} bytes`);
    if (log.size > at) await log.handle.truncate(at);
    log.size = at;
    await log.handle.write(pieces, at);
    log.size += pieces.reduce((sum, piece) => sum + piece.length, 0);
    await log.handle.sync();
  }

  async list(): Promise<readonly string[]> {
    const names = await listDirectory(this.fileSystem, this.directory);
    return names.map((name) => name.slice(0, -SUFFIX.length)).filter(isStateLogName);
  }

  async remove(name: string): Promise<void> {
    const open = this.#open.get(name);
    this.#open.delete(name);
    await (await open?.catch(() => undefined))?.handle.close();
    const path = this.#path(name);
    if ((await this.fileSystem.stat(path)) !== undefined) await this.fileSystem.unlink(path);
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const log of open) await (await log.catch(() => undefined))?.handle.close();
  }

  #log(name: string): Promise<OpenLog> {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const opening = this.#openLog(this.#path(name));
    this.#open.set(name, opening);
    return opening;
  }

  async #openLog(path: string): Promise<OpenLog> {
    const size = (await this.fileSystem.stat(path))?.size;
    if (size !== undefined) return { handle: await this.fileSystem.open(path, 'update'), size };
    await makeDirectory(this.fileSystem, this.directory, 'durable');
    const handle = await this.fileSystem.open(path, 'create');
    await this.fileSystem.syncDirectory(this.directory);
    return { handle, size: 0 };
  }

  #path(name: string): string {
    return join(this.directory, `${name}${SUFFIX}`);
  }
}
