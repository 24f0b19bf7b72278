/**
 * The file system as a port (I14). All access to a disk goes through it, so that a test can count, fail, tear or forget any
 * operation. `node-file-system.ts` implements it over `node:fs`.
 *
 * Failures are Node's own: an `Error` with a `code` such as `ENOENT`, `ENOSPC`, `EISDIR`.
 */
export interface FileHandle {
  /** Reads up to `length` bytes at `position` into `buffer` at 0; resolves to the bytes read, 0 at the end of the file. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** Writes all of `chunks`, in order, at `position`, looping over short writes. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  /** fsync: contents and metadata. */
  sync(): Promise<void>;
  /** fdatasync: contents and the size. */
  datasync(): Promise<void>;
  /** Cuts the file, or fills it with zeros, to this many bytes. */
  truncate(length: number): Promise<void>;
  /** Facts about the open file, whatever its name is now. */
  stat(): Promise<FileStat>;
  /** Twice is fine. */
  close(): Promise<void>;
}

/** Facts about a file. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Bytes. */
  readonly size: number;
  /** Identifies the file on its device while it exists, whatever its name. 0: the file system has no inodes. */
  readonly inode: number;
  readonly device: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAtMs: number;
}

/**
 * - `read`: an existing file.
 * - `create`: a new file, mode 0600, refusing to replace or to follow anything (`O_CREAT|O_EXCL|O_NOFOLLOW`).
 * - `update`: an existing file, for reading and writing, not following a symlink.
 */
export type OpenMode = 'read' | 'create' | 'update';

/** What is asked of a disk. */
export interface FileSystem {
  /** Opens a file; see `OpenMode`.
   * @param permissions for `create`; default 0o600.
   * @param writes `synced`: each write is followed by `datasync` at once. A file system may do both in one, and then has
   * nothing left to do in `datasync`; or take no notice. */
  open(path: string, mode: OpenMode, permissions?: number, writes?: 'synced'): Promise<FileHandle>;
  /** Whole file; refuses one larger than `maxBytes` (code `EFBIG`) and does not follow a symlink (code `ELOOP`). */
  readFile(path: string, maxBytes: number): Promise<Uint8Array>;
  /** Replaces what is at `to`, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Gives the file at `path` a second name. Refuses a name that exists (code `EEXIST`). Some file systems cannot. */
  link(path: string, name: string): Promise<void>;
  /** Removes a file. */
  unlink(path: string): Promise<void>;
  /** Creates one directory and its parents, mode 0700; fine if it is there. */
  mkdir(path: string): Promise<void>;
  /** Removes an empty directory. */
  rmdir(path: string): Promise<void>;
  /** Names in a directory, in no order. */
  list(path: string): Promise<readonly string[]>;
  /** fsync of a directory, so that a rename or creation in it survives power loss. */
  syncDirectory(path: string): Promise<void>;
  /** lstat: a symlink is a symlink. Undefined where there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The path without symlinks, as far as it exists. */
  realPath(path: string): Promise<string>;
}
