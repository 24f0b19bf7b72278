/** What is asked of a simulated disk, counted. */
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import type { FileNode } from './disk-medium.js';

/** What may be asked of a disk or of an open file; `fstat` is `stat` of an open file. */
export type OperationKind = keyof FileSystem | keyof FileHandle | 'fstat';

/** One thing that was asked of the disk. */
export interface Operation {
  /** From 1. */
  readonly n: number;
  readonly kind: OperationKind;
  readonly path: string;
}

/** `short`: half of a write's bytes get there before it fails. */
export type FailureManner = 'clean' | 'short';

/** What a full disk refuses. */
export const NEEDS_SPACE: ReadonlySet<OperationKind> = new Set<OperationKind>(['write', 'mkdir', 'open']);

/** The disk, as far as an open file needs it. */
export interface DiskOfHandle {
  operate<R>(
    kind: OperationKind,
    path: string,
    effect: () => R,
    half?: (manner: FailureManner) => void,
  ): Promise<R>;
  touch(file: FileNode): void;
}
