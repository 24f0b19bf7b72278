/** A file system in a map, for tests that open thousands of journals; paths imply their folders. */
import type { FileHandle, FileStat, FileSystem } from '../../../src/platform/file-system.js';

const missing = (path: string) => Object.assign(new Error(`ENOENT: '${path}'`), { code: 'ENOENT' });

export function filesInMemory(files: Map<string, Buffer>): FileSystem {
  const contentsOf = (path: string): Buffer => {
    const contents = files.get(path);
    if (contents === undefined) throw missing(path);
    return contents;
  };
  const inside = (path: string) => [...files.keys()].filter((name) => name.startsWith(`${path}/`));
  const statOf = (kind: FileStat['kind'], size: number): FileStat => ({
    kind,
    size,
    inode: 1,
    device: 1,
    modifiedAtMs: 0,
  });
  const handleOf = (path: string): FileHandle => ({
    read: async (buffer, length, position) => {
      const part = contentsOf(path).subarray(position, position + length);
      buffer.set(part);
      return part.length;
    },
    write: async (chunks, position) => {
      const before = Buffer.alloc(position);
      contentsOf(path).copy(before);
      files.set(path, Buffer.concat([before, ...chunks]));
    },
    sync: async () => {},
    datasync: async () => {},
    truncate: async (length) => void files.set(path, Buffer.from(contentsOf(path).subarray(0, length))),
    stat: async () => statOf('file', contentsOf(path).length),
    close: async () => {},
  });
  return {
    async open(path, mode) {
      if (mode !== 'create') contentsOf(path);
      else if (files.has(path)) throw Object.assign(new Error(`EEXIST: '${path}'`), { code: 'EEXIST' });
      else files.set(path, Buffer.alloc(0));
      return handleOf(path);
    },
    readFile: async (path) => contentsOf(path),
    async rename(from, to) {
      files.set(to, contentsOf(from));
      files.delete(from);
    },
    link: async (path) => Promise.reject(Object.assign(new Error(`EPERM: '${path}'`), { code: 'EPERM' })),
    async unlink(path) {
      if (!files.delete(path)) throw missing(path);
    },
    mkdir: async () => {},
    rmdir: async () => {},
    list: async (path) => inside(path).map((name) => name.slice(path.length + 1)),
    syncDirectory: async () => {},
    async stat(path) {
      const contents = files.get(path);
      if (contents !== undefined) return statOf('file', contents.length);
      return inside(path).length > 0 ? statOf('directory', 0) : undefined;
    },
    realPath: async (path) => path,
  };
}
