/**
 * A disk in memory behind the `FileSystem` port. Every operation is numbered and can be made to fail, and the disk can lose
 * power; `disk-medium.ts` defines what survives (I14).
 *
 *     const disk = new SimulatedDisk();
 *     disk.fail(7, 'ENOSPC');               // the 7th operation from now fails
 *     disk.cutAt(9);                        // the 9th is the last that reaches the disk; it and all later ones reject
 *     const after = disk.crash(seed);       // the disk after power loss; without a seed, only fsynced bytes
 *     const same = disk.kill();             // the disk after kill -9: all bytes; pending changes stay pending
 *
 * After `crash` or `kill`, the old disk is offline: it rejects all operations and changes nothing.
 * Paths are absolute POSIX paths; a relative one starts at `/`. On Windows, a drive is a directory at the root.
 */
import { seededRandom } from '../../platform/clock.js';
import type { FileHandle, FileStat, FileSystem, OpenMode } from '../../platform/file-system.js';
import {
  afterPowerLoss,
  changeNames,
  DirectoryNode,
  FileNode,
  failure,
  LinkNode,
  statOf,
} from './disk-medium.js';
import { DiskTree } from './disk-tree.js';
import {
  type DiskOfHandle,
  type FailureManner,
  NEEDS_SPACE,
  type Operation,
  type OperationKind,
} from './operations.js';
import { SimulatedHandle } from './simulated-handle.js';

/** How a simulated disk behaves. */
export interface SimulatedDiskOptions {
  /** Operations that are under way at the same time take effect in an order that the seed chooses, so that code which does not
   * await a write or a flush is found. Default: they take effect in the order of their calls. */
  readonly seed?: number;
  /** Awaited before each operation takes effect, for a scheduler of your own; `seed` has no effect then. */
  readonly turn?: () => Promise<void>;
}

/**
 * A `FileSystem` in memory that can fail, fill up and lose power at any operation.
 * @example
 * const disk = new SimulatedDisk();
 * disk.fail(7, 'ENOSPC'); // the seventh operation
 */
export class SimulatedDisk implements FileSystem {
  /** Every operation, in order. */
  readonly operations: Operation[] = [];
  readonly #failures = new Map<number, { readonly code: string; readonly manner: FailureManner }>();
  #fullFrom = Number.POSITIVE_INFINITY;
  #cutAt = Number.POSITIVE_INFINITY;
  #isOffline = false;

  #tree = new DiskTree();
  /** The view of open files. */
  readonly #inside: DiskOfHandle = {
    operate: (...operation) => this.#operate(...operation),
    touch: (file) => {
      file.modifiedAtMs = this.#tree.tick();
    },
  };

  readonly #turn: (kind: OperationKind) => Promise<void>;

  constructor(private readonly options: SimulatedDiskOptions = {}) {
    const { seed, turn = seed === undefined ? () => Promise.resolve() : randomTurn(seed) } = options;
    this.#turn = turn;
  }

  /** Makes the nth operation from now fail, once. */
  fail(n: number, code: string, manner: FailureManner = 'clean'): void {
    this.#failures.set(this.operations.length + n, { code, manner });
  }

  /** From the nth operation from now, creations and writes fail with `ENOSPC`. */
  fullFrom(n: number): void {
    this.#fullFrom = this.operations.length + n;
  }

  /** Power fails during the nth operation from now: it takes effect without fsync, and is rejected. */
  cutAt(n: number): void {
    this.#cutAt = this.operations.length + n;
  }

  /** Loses power. @returns the disk of the next process. */
  crash(seed?: number): SimulatedDisk {
    this.#isOffline = true;
    const root = afterPowerLoss(this.#tree.root, seed === undefined ? undefined : seededRandom(seed));
    return this.#next(this.#tree.withRoot(root));
  }

  /** Kills the process. @returns the disk of the next process. */
  kill(): SimulatedDisk {
    this.#isOffline = true;
    return this.#next(this.#tree);
  }

  #next(tree: DiskTree): SimulatedDisk {
    const disk = new SimulatedDisk(this.options);
    disk.#tree = tree;
    return disk;
  }

  /** Whether the disk was crashed, killed or cut. */
  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** Creates a durable file and its parent directories. Not an operation. */
  put(path: string, contents: string | Uint8Array): void {
    const file = new FileNode(this.#tree.tick());
    const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
    file.change({ kind: 'write', at: 0, bytes });
    file.sync();
    this.#tree.place(path, file);
  }

  /** Creates a durable directory. Not an operation. */
  putDirectory(path: string): void {
    this.#tree.place(path, new DirectoryNode(this.#tree.tick()));
  }

  /** Creates a durable symlink. Not an operation. */
  symlink(path: string, target: string): void {
    this.#tree.place(path, new LinkNode(this.#tree.tick(), target));
  }

  /** The text of a file, as a process reads it now; undefined when it does not exist. Not an operation. */
  text(path: string): string | undefined {
    const node = this.#tree.find(path, true);
    return node?.kind === 'file' ? new TextDecoder().decode(node.now.slice()) : undefined;
  }

  /** Paths of all files, sorted. Not an operation. */
  files(): string[] {
    return this.#tree.files().sort();
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.#operate('open', path, () => {
      const { directory, name } = this.#tree.placeOf(path);
      let node = directory.now.get(name);
      if (mode === 'create') {
        if (node !== undefined) throw failure('EEXIST', path);
        const file = new FileNode(this.#tree.tick());
        changeNames([{ directory, name, after: file }]);
        return new SimulatedHandle(this.#inside, path, file);
      }
      if (node?.kind === 'symlink') {
        if (mode === 'update') throw failure('ELOOP', path);
        node = this.#tree.find(path, true);
      }
      if (node === undefined) throw failure('ENOENT', path);
      if (node.kind !== 'file') throw failure('EISDIR', path);
      return new SimulatedHandle(this.#inside, path, node);
    });
  }

  readFile(path: string, maxBytes: number): Promise<Uint8Array> {
    return this.#operate('readFile', path, () => {
      const node = this.#tree.find(path, false);
      if (node === undefined) throw failure('ENOENT', path);
      if (node.kind === 'symlink') throw failure('ELOOP', path);
      if (node.kind === 'directory') throw failure('EISDIR', path);
      if (node.now.length > maxBytes) throw failure('EFBIG', path);
      return node.now.slice();
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operate('rename', from, () => {
      const source = this.#tree.placeOf(from);
      const target = this.#tree.placeOf(to);
      const node = source.directory.now.get(source.name);
      const replaced = target.directory.now.get(target.name);
      if (node === undefined) throw failure('ENOENT', from);
      if (node === replaced) return;
      if (node.kind === 'directory' && replaced !== undefined) {
        if (replaced.kind !== 'directory') throw failure('ENOTDIR', to);
        if (replaced.now.size > 0) throw failure('ENOTEMPTY', to);
      }
      if (node.kind !== 'directory' && replaced?.kind === 'directory') throw failure('EISDIR', to);
      changeNames([
        { ...source, after: undefined },
        { ...target, after: node },
      ]);
    });
  }

  link(path: string, name: string): Promise<void> {
    return this.#operate('link', name, () => {
      const source = this.#tree.placeOf(path);
      const target = this.#tree.placeOf(name);
      const node = source.directory.now.get(source.name);
      if (node === undefined) throw failure('ENOENT', path);
      if (node.kind === 'directory') throw failure('EPERM', path);
      if (target.directory.now.has(target.name)) throw failure('EEXIST', name);
      changeNames([{ ...target, after: node }]);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#operate('unlink', path, () => {
      const place = this.#tree.placeOf(path);
      const node = place.directory.now.get(place.name);
      if (node === undefined) throw failure('ENOENT', path);
      if (node.kind === 'directory') throw failure('EISDIR', path);
      changeNames([{ ...place, after: undefined }]);
    });
  }

  mkdir(path: string): Promise<void> {
    return this.#operate('mkdir', path, () => {
      const { directory, name } = this.#tree.placeOf(path, true);
      const node = directory.now.get(name) === undefined ? undefined : this.#tree.find(path, true);
      if (node !== undefined && node.kind !== 'directory') throw failure('EEXIST', path);
      if (node === undefined && name !== '') this.#tree.makeDirectory(directory, name);
    });
  }

  rmdir(path: string): Promise<void> {
    return this.#operate('rmdir', path, () => {
      const place = this.#tree.placeOf(path);
      const node = place.directory.now.get(place.name);
      if (node === undefined) throw failure('ENOENT', path);
      if (node.kind !== 'directory') throw failure('ENOTDIR', path);
      if (node.now.size > 0) throw failure('ENOTEMPTY', path);
      changeNames([{ ...place, after: undefined }]);
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#operate('list', path, () => [...this.#tree.directoryAt(path).now.keys()]);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#operate('syncDirectory', path, () => this.#tree.directoryAt(path).sync());
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#operate('stat', path, () => {
      const node = this.#tree.find(path, false);
      return node === undefined ? undefined : statOf(node);
    });
  }

  /** Not an operation: it changes nothing. */
  async realPath(path: string): Promise<string> {
    return this.#tree.realPath(path);
  }

  /** Numbers an operation, then applies it or fails.
   * @param half the partial effect of a failed operation: half a write, a failed fsync. */
  async #operate<R>(
    kind: OperationKind,
    path: string,
    effect: () => R,
    half: (manner: FailureManner) => void = () => {},
  ): Promise<R> {
    const n = this.operations.push({ n: this.operations.length + 1, kind, path });
    await this.#turn(kind);
    if (this.#isOffline) throw failure('EIO', path);
    if (n >= this.#cutAt) {
      this.#isOffline = true;
      // An interrupted fsync guarantees nothing.
      if (n === this.#cutAt && !kind.includes('sync')) effect();
      throw failure('EIO', path);
    }
    const planned = this.#failures.get(n);
    const isFull =
      n >= this.#fullFrom && NEEDS_SPACE.has(kind) && !(kind === 'open' && this.#tree.find(path, true));
    if (planned !== undefined || isFull) {
      half(planned?.manner ?? 'short');
      throw failure(planned?.code ?? 'ENOSPC', path);
    }
    return effect();
  }
}

/** Microtasks that an operation takes at most. Some take as long as many others together, most of all flushes. */
const QUICK = 8;
const SLOW = 400;
const SHARE_OF_SLOW = 1 / 16;
const SHARE_OF_SLOW_FLUSHES = 1 / 2;

function randomTurn(seed: number): (kind: OperationKind) => Promise<void> {
  const random = seededRandom(seed);
  return async (kind) => {
    const share = kind.includes('sync') ? SHARE_OF_SLOW_FLUSHES : SHARE_OF_SLOW;
    const most = random() < share ? SLOW : QUICK;
    for (let left = Math.floor(random() * most); left > 0; left--) await Promise.resolve();
  };
}
