/** Operations of a simulated disk. */
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import type { FileNode } from './disk-medium.js';

/** An operation on a disk or on an open file; `fstat` is `stat` of an open file. */
export type OperationKind = keyof FileSystem | keyof FileHandle | 'fstat';

/** One operation. */
export interface Operation {
  /** From 1. */
  readonly n: number;
  readonly kind: OperationKind;
  readonly path: string;
}

/** `short`: a failed write stores half of its bytes. */
export type FailureManner = 'clean' | 'short';

/** Operations that a full disk refuses. */
export const NEEDS_SPACE: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'write',
  'mkdir',
  'open',
  'link',
]);

/** The disk, as an open file needs it. */
export interface DiskOfHandle {
  operate<R>(
    kind: OperationKind,
    path: string,
    effect: () => R,
    half?: (manner: FailureManner) => void,
  ): Promise<R>;
  touch(file: FileNode): void;
}
