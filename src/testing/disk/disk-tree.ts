/** The files and directories of a simulated disk, by path. Symlinks are followed as POSIX says. */
import { posix } from 'node:path';
import { changeNames, DirectoryNode, type DiskNode, failure } from './disk-medium.js';

/** Where a file has its name. */
interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
}

export class DiskTree {
  constructor(
    readonly root = new DirectoryNode(1),
    private ticks = 1,
  ) {}

  /** @returns an inode or a time: never the same twice. */
  tick(): number {
    return ++this.ticks;
  }

  /** The same disk with another content. */
  withRoot(root: DirectoryNode): DiskTree {
    return new DiskTree(root, this.ticks);
  }

  makeDirectory(directory: DirectoryNode, name: string): DirectoryNode {
    const made = new DirectoryNode(this.tick());
    changeNames([{ directory, name, after: made }]);
    return made;
  }

  /** Follows symlinks. @throws `ENOENT`, `ENOTDIR`. */
  directoryAt(path: string): DirectoryNode {
    const node = this.find(path, true);
    if (node === undefined) throw failure('ENOENT', path);
    if (node.kind !== 'directory') throw failure('ENOTDIR', path);
    return node;
  }

  /** @param make creates missing parent directories. @throws the code of the first directory that is missing. */
  placeOf(path: string, make = false): Place {
    const whole = absolute(path);
    const parent = posix.dirname(whole);
    if (make && whole !== '/' && this.find(parent, true) === undefined) {
      const above = this.placeOf(parent, true);
      this.makeDirectory(above.directory, above.name);
    }
    return { directory: this.directoryAt(parent), name: posix.basename(whole) };
  }

  /** @returns undefined when it does not exist. @throws `ELOOP`, `ENOTDIR`. */
  find(path: string, followLast: boolean, hops = 0): DiskNode | undefined {
    if (hops > 40) throw failure('ELOOP', path);
    const whole = absolute(path);
    if (whole === '/') return this.root;
    const parent = this.find(posix.dirname(whole), true, hops);
    if (parent === undefined) return undefined;
    if (parent.kind !== 'directory') throw failure('ENOTDIR', path);
    const node = parent.now.get(posix.basename(whole));
    if (node?.kind !== 'symlink' || !followLast) return node;
    return this.find(posix.resolve(posix.dirname(whole), node.target), true, hops + 1);
  }

  /** Puts a node there, durably. */
  place(path: string, node: DiskNode): void {
    changeNames([{ ...this.placeOf(path, true), after: node }]);
    this.#syncAll(this.root);
  }

  /** Paths of all files. */
  files(): string[] {
    return filesUnder(this.root, '');
  }

  #syncAll(directory: DirectoryNode): void {
    directory.sync();
    for (const node of directory.now.values()) if (node.kind === 'directory') this.#syncAll(node);
  }

  /** The path without symlinks; its last name need not exist. */
  realPath(path: string, hops = 0): string {
    if (hops > 40) throw failure('ELOOP', path);
    const wanted = absolute(path);
    if (wanted === '/') return wanted;
    const parent = this.realPath(posix.dirname(wanted), hops);
    const whole = posix.join(parent, posix.basename(wanted));
    const node = this.find(whole, false);
    return node?.kind === 'symlink' ? this.realPath(posix.resolve(parent, node.target), hops + 1) : whole;
  }
}

function filesUnder(directory: DirectoryNode, path: string): string[] {
  return [...directory.now].flatMap(([name, node]) =>
    node.kind === 'directory' ? filesUnder(node, `${path}/${name}`) : [`${path}/${name}`],
  );
}

/** `C:\data` is `/C:/data` here. */
function absolute(path: string): string {
  return posix.resolve('/', process.platform === 'win32' ? path.replaceAll('\\', '/') : path);
}
