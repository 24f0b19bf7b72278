/**
 * A recording as files: `<session>/recording/000001.jsonl` and so on.
 *
 * 1. The run does not wait for it: lines are gathered, and written in pieces of 64 KB or after a moment. They become bytes
 *    as they come: kept as text until then, they outlive the rows of many batches, and the collector copies them.
 * 2. Bounded (I13): on disk by `maxBytes`, in memory by what may wait for a slow disk; beyond that the recording ends.
 * 3. A process begins a segment of its own: what an earlier one left torn stays as it is.
 * 4. The owner of the session is the only one who writes (I10).
 */
import { join } from 'node:path';
import type { FileHandle, FileSystem } from '../../platform/file-system.js';
import { directoryExists, listDirectory, makeDirectory } from '../storages/state-directory.js';
import type { RecordingLog, RecordingLogOptions } from './recording-log.js';

const DIRECTORY = 'recording';
const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
/** Bytes that are written at once. */
const PIECE = 64 * 1024;
/** In UTF-8, of one UTF-16 unit. */
const MAX_UNIT_BYTES = 3;
const SOON_MS = 100;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** As long as the longest line that a recording has, and one more. */
const TAIL_BYTES = 256 * 1024;

export const recordingDirectory = (sessionDirectory: string): string => join(sessionDirectory, DIRECTORY);

export interface Segment {
  readonly number: number;
  readonly path: string;
}

/** In order; none where nothing was recorded.
 * @param directory the session's. */
export async function recordingSegments(fileSystem: FileSystem, directory: string): Promise<Segment[]> {
  const home = recordingDirectory(directory);
  const names = (await directoryExists(fileSystem, directory)) ? await listDirectory(fileSystem, home) : [];
  return names
    .flatMap((name) => {
      const number = /^(\d{6,9})\.jsonl$/.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(home, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** @param directory the session's; it exists, and this process owns the session. */
export async function openFileRecordingLog(
  fileSystem: FileSystem,
  directory: string,
  options: RecordingLogOptions,
): Promise<RecordingLog> {
  const segments = await recordingSegments(fileSystem, directory);
  await makeDirectory(fileSystem, recordingDirectory(directory), 'durable');
  const sizes = await Promise.all(
    segments.map(async ({ number, path }) => [number, (await fileSystem.stat(path))?.size ?? 0] as const),
  );
  const tail = await tailOf(fileSystem, segments.at(-1));
  return new FileRecordingLog(fileSystem, recordingDirectory(directory), new Map(sizes), tail, options);
}

async function tailOf(fileSystem: FileSystem, last: Segment | undefined): Promise<string> {
  if (last === undefined) return '';
  const handle = await fileSystem.open(last.path, 'read');
  try {
    const { size } = await handle.stat();
    const buffer = new Uint8Array(Math.min(size, TAIL_BYTES));
    const length = await handle.read(buffer, buffer.length, size - buffer.length);
    return new TextDecoder().decode(buffer.subarray(0, length));
  } finally {
    await handle.close();
  }
}

class FileRecordingLog implements RecordingLog {
  readonly #maxBytes: number;
  /** Bytes by segment. */
  readonly #sizes: Map<number, number>;
  #number: number;
  #handle: FileHandle | undefined;
  #piece = Buffer.allocUnsafe(PIECE);
  #used = 0;
  #waitingBytes = 0;
  #stopTimer: (() => void) | undefined;
  #work: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
    sizes: Map<number, number>,
    readonly tail: string,
    private readonly options: RecordingLogOptions,
  ) {
    this.#sizes = sizes;
    this.#number = Math.max(0, ...sizes.keys());
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.nextSegment();
  }

  append(lines: string): void {
    if (this.#isOver || lines === '') return;
    const most = MAX_UNIT_BYTES * lines.length;
    if (most > PIECE - this.#used) this.#flush();
    if (most > PIECE) this.#write(Buffer.from(lines));
    else {
      this.#used += this.#piece.write(lines, this.#used);
      this.#stopTimer ??= this.options.setTimer(() => this.#flush(), SOON_MS);
    }
  }

  nextSegment(): void {
    this.#flush();
    this.#do(async () => {
      await this.#handle?.close();
      this.#handle = undefined;
      await this.#makeRoom();
      const number = ++this.#number;
      const name = `${String(number).padStart(6, '0')}.jsonl`;
      this.#handle = await this.fileSystem.open(join(this.directory, name), 'create');
      this.#sizes.set(number, 0);
    });
  }

  flush(): Promise<void> {
    this.#flush();
    return this.#work;
  }

  async close(): Promise<void> {
    this.#flush();
    this.#do(() => this.#stop());
    await this.#work;
    this.#isOver = true;
  }

  #flush(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#used === 0) return;
    const bytes = this.#piece.subarray(0, this.#used);
    this.#piece = Buffer.allocUnsafe(PIECE);
    this.#used = 0;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#fail(new Error('the disk is too slow for it'));
      return;
    }
    this.#do(async () => {
      const at = this.#sizes.get(this.#number) ?? 0;
      await this.#handle?.write([bytes], at);
      this.#sizes.set(this.#number, at + bytes.length);
      this.#waitingBytes -= bytes.length;
    });
  }

  /** One thing at a time, in order; after a failure none. */
  #do(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#isOver ? undefined : work()))
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#used = 0;
    this.#stopTimer?.();
    this.#work = this.#work.then(() => this.#stop()).catch(() => {});
    this.options.onFailure(error);
  }

  async #stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** For another segment: the first, with how it began, and the newest stay. */
  async #makeRoom(): Promise<void> {
    const total = () => [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const number of [...this.#sizes.keys()].sort((a, b) => a - b).slice(1)) {
      if (total() + segmentBytes(this.#maxBytes) <= this.#maxBytes) return;
      await this.fileSystem.unlink(join(this.directory, `${String(number).padStart(6, '0')}.jsonl`));
      this.#sizes.delete(number);
    }
  }
}

/** How long a segment should be, for `maxBytes` in all. */
export const segmentBytes = (maxBytes: number = DEFAULT_MAX_BYTES): number => Math.ceil(maxBytes / 16);
