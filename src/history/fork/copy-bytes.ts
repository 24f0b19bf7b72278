import { dirname } from 'node:path';
import { ForkError } from '../../errors.js';
import type { FileSystem } from '../../platform/file-system.js';

const PIECE_BYTES = 1024 * 1024;

/** Copies the beginning of a file into a new one, durably.
 * @throws {ForkError} if the file is shorter. */
export async function copyBytes(fileSystem: FileSystem, from: string, to: string, bytes: number) {
  const source = await fileSystem.open(from, 'read');
  try {
    const target = await fileSystem.open(to, 'create', 0o666);
    try {
      const buffer = new Uint8Array(Math.min(bytes, PIECE_BYTES));
      for (let at = 0; at < bytes; ) {
        const length = await source.read(buffer, Math.min(buffer.length, bytes - at), at);
        if (length === 0) throw new ForkError(`${from} is shorter than the session's output was.`);
        await target.write([buffer.subarray(0, length)], at);
        at += length;
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await fileSystem.syncDirectory(dirname(to));
  } finally {
    await source.close();
  }
}
