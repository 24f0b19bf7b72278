/** An open file of a `SimulatedDisk`. It stays usable after its name is removed, but not after its disk is offline. */
import type { FileHandle, FileStat } from '../../platform/file-system.js';
import { type FileNode, failure, statOf } from './disk-medium.js';
import type { DiskOfHandle, FailureManner, OperationKind } from './operations.js';

export class SimulatedHandle implements FileHandle {
  #isClosed = false;

  constructor(
    private readonly disk: DiskOfHandle,
    private readonly path: string,
    private readonly file: FileNode,
  ) {}

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    return this.#operate('read', () => {
      const bytes = this.file.now.slice(position, position + length);
      buffer.set(bytes);
      return bytes.length;
    });
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = Buffer.concat(chunks);
    const write = (length: number) => {
      this.file.change({ kind: 'write', at: position, bytes: bytes.subarray(0, length) });
      this.disk.touch(this.file);
    };
    return this.#operate(
      'write',
      () => write(bytes.length),
      (manner) => manner === 'short' && write(bytes.length >> 1),
    );
  }

  sync(): Promise<void> {
    return this.#operate(
      'sync',
      () => this.file.sync(),
      () => this.file.loseUnsynced(),
    );
  }

  datasync(): Promise<void> {
    return this.#operate(
      'datasync',
      () => this.file.sync(),
      () => this.file.loseUnsynced(),
    );
  }

  truncate(length: number): Promise<void> {
    return this.#operate('truncate', () => {
      this.file.change({ kind: 'truncate', length });
      this.disk.touch(this.file);
    });
  }

  stat(): Promise<FileStat> {
    return this.#operate('fstat', () => statOf(this.file));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#operate('close', () => {
      this.#isClosed = true;
    });
  }

  #operate<R>(kind: OperationKind, effect: () => R, half?: (manner: FailureManner) => void): Promise<R> {
    const checked = () => {
      if (this.#isClosed) throw failure('EBADF', this.path);
      return effect();
    };
    return this.disk.operate(kind, this.path, checked, half);
  }
}
