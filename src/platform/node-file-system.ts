/**
 * The `FileSystem` port over `node:fs`: the only file that opens, writes, renames or fsyncs anything.
 *
 * 1. What is created is the owner's alone: files 0600, directories 0700; `create` replaces and follows nothing.
 * 2. `write` returns when every byte is written, whatever the kernel took at a time.
 * 3. Nothing is retried but short writes: a failed fsync is the caller's to report (I6).
 * 4. Every error names its path: Node leaves it out for operations on an open file.
 */
import { constants, fdatasync, fsync, writev } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { FileHandle, FileStat, FileSystem, OpenMode } from './file-system.js';
import { field, messageOf } from './thrown.js';

// Absent on Windows, where a symlink needs a privilege to be made.
const NOFOLLOW = constants.O_NOFOLLOW ?? 0;
// Opening a FIFO for reading would otherwise wait for its writer for ever.
const NONBLOCK = constants.O_NONBLOCK ?? 0;

// A write that is an fdatasync as well: one way to the disk instead of two. Elsewhere than on Linux it promises less than an
// fsync, or is not there.
const SYNCED = process.platform === 'linux' ? constants.O_DSYNC : 0;

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY | NONBLOCK,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NOFOLLOW,
  update: constants.O_RDWR | NOFOLLOW,
};

/** Writes up to this size are joined to one chunk. */
const JOINED_BYTES = 64 * 1024;
/** The largest count of chunks that POSIX promises to take in one `writev`. */
const CHUNKS_AT_ONCE = 1024;

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  async open(path, mode, permissions = 0o600, writes) {
    const synced = writes === 'synced' ? SYNCED : 0;
    return new NodeFileHandle(await fs.open(path, FLAGS[mode] | synced, permissions), path, synced !== 0);
  },

  async readFile(path, maxBytes) {
    const handle = await fs.open(path, constants.O_RDONLY | NOFOLLOW | NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw failure(stat.isDirectory() ? 'EISDIR' : 'EINVAL', 'not a regular file', path);
      // One byte more than the file has: what grows meanwhile is noticed, what lies about its size too.
      const buffer = new Uint8Array(Math.min(stat.size, maxBytes) + 1);
      let length = 0;
      while (length < buffer.length) {
        const reading = handle.read(buffer, length, buffer.length - length, length);
        const { bytesRead } = await reading.catch((error: unknown) => Promise.reject(withPath(error, path)));
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length > maxBytes) throw failure('EFBIG', `larger than ${maxBytes} bytes`, path);
      if (length === buffer.length) throw failure('EAGAIN', 'the file grew while it was read', path);
      return buffer.subarray(0, length);
    } finally {
      await handle.close();
    }
  },

  rename: (from, to) => fs.rename(from, to),
  link: (path, name) => fs.link(path, name),
  unlink: (path) => fs.unlink(path),
  async mkdir(path) {
    // One by one: Node's own recursion never ends where the system says a parent is missing that is there (/proc).
    const missing: string[] = [];
    for (let at = resolve(path); !(await exists(at)); at = dirname(at)) missing.unshift(at);
    for (const directory of missing) {
      await fs.mkdir(directory, 0o700).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    if (missing.length === 0 && !(await fs.stat(path)).isDirectory())
      throw failure('EEXIST', 'it is not a directory');
  },
  rmdir: (path) => fs.rmdir(path),
  list: (path) => fs.readdir(path),

  async syncDirectory(path) {
    // Windows cannot open a directory; NTFS journals its renames itself.
    if (process.platform === 'win32') return;
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await syncHandle(handle);
    } catch (error) {
      throw withPath(error, path);
    } finally {
      await handle.close();
    }
  },

  async stat(path) {
    try {
      return statOf(await fs.lstat(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },

  async realPath(path) {
    const missing: string[] = [];
    for (let at = resolve(path); ; at = dirname(at)) {
      try {
        return join(await fs.realpath(at), ...missing);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(at) === at) throw error;
        missing.unshift(basename(at));
      }
    }
  },
};

class NodeFileHandle implements FileHandle {
  /** Not all that was done to it were writes. */
  #isCut = false;

  /** @param isSynced every write is durable when it is through. */
  constructor(
    private readonly handle: fs.FileHandle,
    private readonly path: string,
    private readonly isSynced: boolean,
  ) {}

  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    try {
      return (await this.handle.read(buffer, 0, length, position)).bytesRead;
    } catch (error) {
      throw withPath(error, this.path);
    }
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let rest = joined(chunks);
    let at = position;
    while (rest.length > 0) {
      const bytesWritten = await writeChunks(this.handle, rest.slice(0, CHUNKS_AT_ONCE), at).catch(
        this.#fail,
      );
      // The kernel never does this for a regular file; a loop that never ends would be worse than an error.
      if (bytesWritten === 0) throw failure('EIO', 'nothing could be written', this.path);
      at += bytesWritten;
      rest = without(rest, bytesWritten);
    }
  }

  sync(): Promise<void> {
    return syncHandle(this.handle).catch(this.#fail);
  }

  async datasync(): Promise<void> {
    if (this.isSynced && !this.#isCut) return;
    await useHandle(
      () => this.handle.datasync(),
      () => promisify(fdatasync)(this.handle.fd),
    ).catch(this.#fail);
  }

  truncate(length: number): Promise<void> {
    this.#isCut = true;
    return this.handle.truncate(length).catch(this.#fail);
  }

  async stat(): Promise<FileStat> {
    return statOf(await this.handle.stat());
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  readonly #fail = (error: unknown): never => {
    throw withPath(error, this.path);
  };
}

/** The error of an operation on an open file, with the file's path. */
export function withPath(error: unknown, path: string): unknown {
  if (field(error, 'code') === undefined || field(error, 'path') !== undefined) return error;
  return Object.assign(error as object, { message: `${messageOf(error)}, '${path}'`, path });
}

/** Yarn's Plug'n'Play replaces Node's `FileHandle` by one without `sync`, `datasync` and `writev`. Its descriptor is real. */
async function useHandle<R>(method: () => Promise<R>, onDescriptor: () => Promise<R>): Promise<R> {
  try {
    return await method();
  } catch (error) {
    if (!/not implemented/i.test(messageOf(error))) throw error;
    return await onDescriptor();
  }
}

function syncHandle(handle: fs.FileHandle): Promise<void> {
  return useHandle(
    () => handle.sync(),
    () => promisify(fsync)(handle.fd),
  );
}

async function writeChunks(
  handle: fs.FileHandle,
  chunks: readonly Uint8Array[],
  at: number,
): Promise<number> {
  const { bytesWritten } = await useHandle(
    () => handle.writev(chunks, at),
    () => promisify(writev)(handle.fd, chunks, at),
  );
  return bytesWritten;
}

/** What is small goes as one piece: a `writev` of many costs more than copying them. */
function joined(chunks: readonly Uint8Array[]): Uint8Array[] {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  if (chunks.length > 1 && bytes > 0 && bytes <= JOINED_BYTES) return [Buffer.concat(chunks, bytes)];
  return chunks.filter((chunk) => chunk.length > 0);
}

/** The chunks without their first `bytes`. */
function without(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let first = 0;
  while (first < chunks.length && skip >= (chunks[first] as Uint8Array).length) {
    skip -= (chunks[first++] as Uint8Array).length;
  }
  const rest = chunks.slice(first);
  if (skip > 0) rest[0] = (rest[0] as Uint8Array).subarray(skip);
  return rest;
}

function statOf(stat: Awaited<ReturnType<typeof fs.lstat>>): FileStat {
  const kind = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : 'other';
  return {
    kind,
    size: Number(stat.size),
    inode: Number(stat.ino),
    device: Number(stat.dev),
    modifiedAtMs: Number(stat.mtimeMs),
  };
}

function failure(code: string, what: string, path?: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${what}${path === undefined ? '' : `, '${path}'`}`), {
    code,
    ...(path === undefined ? {} : { path }),
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
