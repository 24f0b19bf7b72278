/**
 * Loaded into a child process before the command line (`node --import`): counts the operations by which a run persists
 * anything, notes each, and kills the process right before the one that its own URL names (`?at=17`).
 *
 * 1. It stands on the `FileSystem` port, through which all of a run's files go, so that a point is an operation of the
 *    product and not a moment in time. `SIGKILL` to itself is the same as from anybody else: no handler, no flush.
 * 2. What is outside of the working directory is not written: the test's pipeline must not touch its user's own files.
 */
import { openSync, writeSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import type { FileHandle } from '../../platform/file-system.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';

const { searchParams } = new URL(import.meta.url);
const at = Number(searchParams.get('at') ?? 0);
const notes = openSync(searchParams.get('notes') ?? '', 'a');
let count = 0;

function about(kind: string, path: string): void {
  const place = relative(process.cwd(), resolve(path));
  if (place === '..' || place.startsWith(`..${sep}`)) {
    writeSync(
      2,
      `crashTest runs the pipeline in a folder of its own, and it would write ${resolve(path)}. Give its files paths that are relative to the working directory.\n`,
    );
    process.exit(2);
  }
  count++;
  writeSync(notes, `${kind} ${place || '.'}\n`);
  if (count === at) process.kill(process.pid, 'SIGKILL');
}

function watchedHandle(handle: FileHandle, path: string): FileHandle {
  return {
    read: (buffer, length, position) => handle.read(buffer, length, position),
    stat: () => handle.stat(),
    close: () => handle.close(),
    write(chunks, position) {
      about('write', path);
      return handle.write(chunks, position);
    },
    sync() {
      about('sync', path);
      return handle.sync();
    },
    datasync() {
      about('datasync', path);
      return handle.datasync();
    },
    truncate(length) {
      about('truncate', path);
      return handle.truncate(length);
    },
  };
}

const own = { ...nodeFileSystem };
Object.assign(nodeFileSystem, {
  async open(path, mode, permissions, writes) {
    if (mode === 'create') about('create', path);
    return watchedHandle(await own.open(path, mode, permissions, writes), path);
  },
  rename(from, to) {
    about('rename', to);
    return own.rename(from, to);
  },
  unlink(path) {
    about('unlink', path);
    return own.unlink(path);
  },
  mkdir(path) {
    about('mkdir', path);
    return own.mkdir(path);
  },
  rmdir(path) {
    about('rmdir', path);
    return own.rmdir(path);
  },
  syncDirectory(path) {
    about('syncDirectory', path);
    return own.syncDirectory(path);
  },
} satisfies Partial<typeof nodeFileSystem>);
