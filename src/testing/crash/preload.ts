/**
 * Loaded into a child process before the command line (`node --import`). It counts and logs the operations that persist
 * something, and kills the process right before the one that its URL names (`?at=17`).
 *
 * 1. It wraps the `FileSystem` port, through which a run accesses all its files. A point is therefore an operation, not a
 *    time. A process that sends itself `SIGKILL` runs no handler and flushes nothing.
 * 2. It refuses to write outside the working directory, to protect the user's own files.
 */
import { openSync, writeSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import type { FileHandle } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';

const { searchParams } = new URL(import.meta.url);
const at = Number(searchParams.get('at') ?? 0);
const operationLog = openSync(searchParams.get('log') ?? '', 'a');
let count = 0;

function recordOperation(kind: string, path: string): void {
  const place = relative(process.cwd(), resolve(path));
  if (place === '..' || place.startsWith(`..${sep}`)) {
    writeSync(
      2,
      `The pipeline writes ${resolve(path)}, which is outside the folder that crashTest runs it in. Use paths relative to the working directory.\n`,
    );
    process.exit(2);
  }
  count++;
  writeSync(operationLog, `${kind} ${place || '.'}\n`);
  if (count === at) process.kill(process.pid, 'SIGKILL');
}

function watchedHandle(handle: FileHandle, path: string): FileHandle {
  return {
    read: (buffer, length, position) => handle.read(buffer, length, position),
    stat: () => handle.stat(),
    close: () => handle.close(),
    write(chunks, position) {
      recordOperation('write', path);
      return handle.write(chunks, position);
    },
    sync() {
      recordOperation('sync', path);
      return handle.sync();
    },
    datasync() {
      recordOperation('datasync', path);
      return handle.datasync();
    },
    truncate(length) {
      recordOperation('truncate', path);
      return handle.truncate(length);
    },
  };
}

const own = { ...nodeFileSystem };
Object.assign(nodeFileSystem, {
  async open(path, mode, permissions, writes) {
    if (mode === 'create') recordOperation('create', path);
    return watchedHandle(await own.open(path, mode, permissions, writes), path);
  },
  rename(from, to) {
    recordOperation('rename', to);
    return own.rename(from, to);
  },
  link(path, name) {
    recordOperation('link', name);
    return own.link(path, name);
  },
  unlink(path) {
    recordOperation('unlink', path);
    return own.unlink(path);
  },
  mkdir(path) {
    recordOperation('mkdir', path);
    return own.mkdir(path);
  },
  rmdir(path) {
    recordOperation('rmdir', path);
    return own.rmdir(path);
  },
  syncDirectory(path) {
    recordOperation('syncDirectory', path);
    return own.syncDirectory(path);
  },
} satisfies Partial<typeof nodeFileSystem>);
