/**
 * The contents of a simulated disk: the state that a process sees now, the durable state, and the pending changes.
 *
 * The model is what POSIX guarantees. A file's data is durable after its own fsync. A name is durable after the fsync of its
 * directory, independently of the file. A power loss keeps any part of the rest: none, all, later writes without earlier
 * ones, a write torn at any byte or turned to zeros, one rename without another. A single rename is atomic.
 */
import type { Random } from '../../platform/clock.js';
import type { FileStat } from '../../platform/file-system.js';
import { GrowingBytes } from './growing-bytes.js';

export type DiskNode = FileNode | DirectoryNode | LinkNode;

type DataChange =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

/** Names that change atomically: one for a creation or removal, two for a rename. */
interface NameChange {
  readonly edits: readonly {
    readonly directory: DirectoryNode;
    readonly name: string;
    readonly before: DiskNode | undefined;
    readonly after: DiskNode | undefined;
  }[];
}

export class FileNode {
  readonly kind = 'file';
  modifiedAtMs = 0;
  now = new GrowingBytes();
  durable = new GrowingBytes();
  pending: DataChange[] = [];

  constructor(readonly inode: number) {}

  change(change: DataChange): void {
    apply(this.now, change);
    this.pending.push(change);
  }

  sync(): void {
    for (const change of this.pending) apply(this.durable, change);
    this.pending = [];
  }

  /** A failed fsync. Linux marks the pages clean: they are never written, and a second fsync succeeds.
   * (A. Rebello and others, "Can Applications Recover from fsync Failures?", USENIX ATC 2020.) */
  loseUnsynced(): void {
    this.pending = [];
  }
}

export class DirectoryNode {
  readonly kind = 'directory';
  readonly modifiedAtMs = 0;
  now = new Map<string, DiskNode>();
  durable = new Map<string, DiskNode>();
  pending: NameChange[] = [];

  constructor(readonly inode: number) {}

  sync(): void {
    for (const change of this.pending) {
      for (const { directory, name, after } of change.edits) {
        setName(directory.durable, name, after);
        if (directory !== this) directory.pending = directory.pending.filter((other) => other !== change);
      }
    }
    this.pending = [];
  }
}

export class LinkNode {
  readonly kind = 'symlink';
  readonly modifiedAtMs = 0;
  constructor(
    readonly inode: number,
    readonly target: string,
  ) {}
}

/** Sets the nodes of names atomically; undefined removes a name. */
export function changeNames(
  edits: readonly { directory: DirectoryNode; name: string; after: DiskNode | undefined }[],
): void {
  const change: NameChange = {
    edits: edits.map((edit) => ({ ...edit, before: edit.directory.now.get(edit.name) })),
  };
  for (const { directory, name, after } of change.edits) setName(directory.now, name, after);
  for (const directory of new Set(edits.map((edit) => edit.directory))) directory.pending.push(change);
}

/**
 * The contents after a power loss.
 * @param random chooses which pending changes survive; undefined: none.
 */
export function afterPowerLoss(root: DirectoryNode, random: Random | undefined): DirectoryNode {
  const kept = new Map<NameChange, boolean>();
  const clones = new Map<DiskNode, DiskNode>();
  const survivors = <T>(pending: readonly T[], known: (change: T) => boolean | undefined): T[] => {
    if (random === undefined) return [];
    // Includes both extremes often.
    const odds = [0, 1, 0.5, 0.8][Math.floor(random() * 4)] ?? 0;
    const prefix = random() < 0.3 ? Math.floor(random() * (pending.length + 1)) : undefined;
    return pending.filter(
      (change, i) => known(change) ?? (prefix === undefined ? random() < odds : i < prefix),
    );
  };
  const names = (directory: DirectoryNode): Map<string, DiskNode> => {
    const result = new Map(directory.durable);
    const chosen = new Set(survivors(directory.pending, (change) => kept.get(change)));
    for (const change of directory.pending) {
      kept.set(change, chosen.has(change));
      if (!chosen.has(change)) continue;
      for (const edit of change.edits) {
        if (edit.directory !== directory) continue;
        // A removal applies to its own node only, not to one that a lost change left in place.
        if (edit.after === undefined && result.get(edit.name) !== edit.before) continue;
        setName(result, edit.name, edit.after);
      }
    }
    return result;
  };
  const clone = (node: DiskNode): DiskNode => {
    const known = clones.get(node);
    if (known !== undefined) return known;
    if (node.kind === 'symlink') return node;
    const copy = node.kind === 'file' ? new FileNode(node.inode) : new DirectoryNode(node.inode);
    clones.set(node, copy);
    if (node.kind === 'file' && copy.kind === 'file') {
      copy.modifiedAtMs = node.modifiedAtMs;
      copy.now = node.durable.copy();
      for (const change of survivors(node.pending, () => undefined)) apply(copy.now, torn(change, random));
      copy.durable = copy.now.copy();
    } else if (node.kind === 'directory' && copy.kind === 'directory') {
      for (const [name, child] of names(node)) copy.now.set(name, clone(child));
      copy.durable = new Map(copy.now);
    }
    return copy;
  };
  return clone(root) as DirectoryNode;
}

function torn(change: DataChange, random: Random | undefined): DataChange {
  if (change.kind === 'truncate' || random === undefined) return change;
  const { bytes } = change;
  const outcome = random();
  if (outcome < 0.6) return change;
  if (outcome < 0.9)
    return { ...change, bytes: bytes.subarray(0, Math.floor(random() * (bytes.length + 1))) };
  return { ...change, bytes: new Uint8Array(bytes.length) };
}

function apply(target: GrowingBytes, change: DataChange): void {
  if (change.kind === 'truncate') target.truncate(change.length);
  else target.write(change.bytes, change.at);
}

function setName(names: Map<string, DiskNode>, name: string, node: DiskNode | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

export function statOf(node: DiskNode): FileStat {
  const size = node.kind === 'file' ? node.now.length : 0;
  return { kind: node.kind, size, inode: node.inode, device: 1, modifiedAtMs: node.modifiedAtMs };
}

export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code, path });
}
