/**
 * The bytes of a stored recording, and then those that are appended, by whichever process. Whole lines only: what a process
that crashed left torn at the end of its segment is passed over.
 */

import type { FileSystem } from '../../platform/file-system.js';
import { codeOf } from '../../platform/thrown.js';
import { recordingSegments, type Segment } from './file-recording-log.js';

const PIECE_BYTES = 1024 * 1024;
const NEWLINE = 10;

export interface RecordingFeedOptions {
  readonly fileSystem: FileSystem;
  /** The session's directory. */
  readonly directory: string;
  /** Waits a moment when there is nothing new; resolves to false to end. */
  readonly pause: () => Promise<boolean>;
}

export async function* recordingFeed({
  fileSystem,
  directory,
  pause,
}: RecordingFeedOptions): AsyncGenerator<Uint8Array, void, undefined> {
  let number = 0;
  let offset = 0;
  let isTorn = false;
  for (;;) {
    const segments = await recordingSegments(fileSystem, directory);
    let hasMore = false;
    for (const segment of segments) {
      if (segment.number < number) continue;
      if (segment.number > number) {
        // Nothing is appended to a segment that has a successor.
        number = segment.number;
        offset = 0;
        if (isTorn) yield new Uint8Array([NEWLINE]);
        isTorn = false;
      }
      for await (const bytes of linesFrom(fileSystem, segment, offset)) {
        offset += bytes.length;
        isTorn = bytes[bytes.length - 1] !== NEWLINE;
        hasMore = true;
        yield bytes;
      }
    }
    if (!hasMore && !(await pause())) return;
  }
}

/** Whole lines; a piece without any is handed on as it is. */
async function* linesFrom(
  fileSystem: FileSystem,
  { path }: Segment,
  from: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await fileSystem.open(path, 'read').catch((error: unknown) => {
    // Dropped meanwhile, to keep the recording within its bounds.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    for (let offset = from; ; ) {
      const buffer = new Uint8Array(PIECE_BYTES);
      const length = await handle.read(buffer, buffer.length, offset);
      if (length === 0) return;
      const end = buffer.lastIndexOf(NEWLINE, length - 1) + 1;
      const taken = end > 0 || length < buffer.length ? end : length;
      if (taken === 0) return;
      offset += taken;
      yield buffer.subarray(0, taken);
    }
  } finally {
    await handle.close();
  }
}
