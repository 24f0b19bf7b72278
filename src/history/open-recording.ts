/** Opens a recording: a file, a folder, a session or bytes. For Node. */
import { basename, dirname, join, resolve } from 'node:path';
import { recordingFeed } from '../checkpoint/recording-log/recording-feed.js';
import { assertSessionId } from '../checkpoint/session-id.js';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';
import { CheckpointNotFoundError, RecordingError } from '../errors.js';
import { absolutePath } from '../platform/file-problems.js';
import type { FileSystem } from '../platform/file-system.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { isBytes, isUrl } from '../platform/tagged.js';
import { RECORDING_FORMAT } from '../recording/format.js';
import { RecordingReader } from '../recording/reader.js';

/** A session of a state directory. */
export interface StoredSessionPlace {
  /** The session's id. */
  readonly session: string;
  /** Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  /** Default: the real one. */
  readonly fileSystem?: FileSystem;
}

/** The path of a recording's file or folder, or of a session's folder; the recording's bytes; or a session. */
export type RecordingPlace = string | URL | Uint8Array | StoredSessionPlace;

/** The limit of a recording. */
const MAX_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** @param onChunk gets the recording's bytes as they are read.
 * @throws {RecordingError} when there is no recording, or this release cannot read it. */
export async function openRecording(
  place: RecordingPlace,
  onChunk: (bytes: Uint8Array) => void = () => {},
): Promise<RecordingReader> {
  const reader = new RecordingReader();
  let bytes = 0;
  for await (const chunk of bytesOf(place)) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES)
      throw new RecordingError(`${labelOf(place)} is larger than 1 GiB, the limit of a recording.`);
    onChunk(chunk);
    reader.append(chunk);
  }
  const { sessionId, format } = reader.summary();
  if (format > RECORDING_FORMAT)
    throw new RecordingError(
      `${labelOf(place)} was recorded by a newer release (format ${format}). This release reads up to format ${RECORDING_FORMAT}. Update xstate-pipeline.`,
    );
  if (sessionId === '') await assertStored(place);
  if (sessionId === '')
    throw new RecordingError(
      `${labelOf(place)} holds no recording. Record a run with run({ record: true }), or with --record on the command line.`,
    );
  return reader;
}

/** Tells a stored session without a recording from an unknown session. */
async function assertStored(place: RecordingPlace): Promise<void> {
  if (typeof place !== 'object' || !('session' in place)) return;
  const { session, stateDir = DEFAULT_STATE_DIRECTORY, fileSystem = nodeFileSystem } = place;
  if ((await fileSystem.stat(sessionFolder(place))) === undefined)
    throw new CheckpointNotFoundError(session, stateDir);
}

/** For messages. */
function labelOf(place: RecordingPlace): string {
  if (isBytes(place)) return 'The given data';
  if (typeof place === 'string' || isUrl(place)) return String(place);
  return `Session ${place.session}`;
}

/** The folder of a session. @throws {CheckpointNotFoundError} for a malformed id. */
export function sessionFolder({ session, stateDir = DEFAULT_STATE_DIRECTORY }: StoredSessionPlace): string {
  assertSessionId(session, stateDir);
  return resolve(stateDir, session);
}

async function* bytesOf(place: RecordingPlace): AsyncGenerator<Uint8Array> {
  if (isBytes(place)) {
    yield place;
  } else if (typeof place === 'string' || isUrl(place)) {
    yield* bytesAt(absolutePath(place, 'recording'));
  } else {
    yield* stored(place.fileSystem ?? nodeFileSystem, sessionFolder(place));
  }
}

async function* bytesAt(path: string): AsyncGenerator<Uint8Array> {
  const stat = await nodeFileSystem.stat(path);
  if (stat === undefined) throw new RecordingError(`There is no recording ${path}. Check the path.`);
  // Reading a pipe could wait for ever.
  if (stat.kind === 'other')
    throw new RecordingError(`${path} is neither a file nor a directory. Give the path of a recording.`);
  if (stat.kind !== 'directory') {
    yield* wholeFile(path);
    return;
  }
  const folder = join(path, '.');
  yield* stored(nodeFileSystem, basename(folder) === 'recording' ? dirname(folder) : folder);
}

function stored(fileSystem: FileSystem, directory: string): AsyncGenerator<Uint8Array> {
  return recordingFeed({ fileSystem, directory, pause: async () => false });
}

async function* wholeFile(path: string): AsyncGenerator<Uint8Array> {
  const handle = await nodeFileSystem.open(path, 'read');
  try {
    for (let offset = 0; ; ) {
      const buffer = new Uint8Array(PIECE_BYTES);
      const length = await handle.read(buffer, buffer.length, offset);
      if (length === 0) return;
      offset += length;
      yield buffer.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}
