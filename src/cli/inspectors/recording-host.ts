/** A recording that lies somewhere, outside of any state directory, as the one session of a host. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recordingFeed } from '../../checkpoint/recording-log/recording-feed.js';
import { InvalidOptionError } from '../../errors.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { EXECUTOR } from '../../recording/format.js';
import { RecordingReader } from '../../recording/reader.js';
import type { InspectorHost } from '../../sessions/inspector-host.js';
import { quoted } from '../../sessions/invocation.js';

/** Beyond any recording that this product writes. */
const MAX_BYTES = 1024 * 1024 * 1024;

/** @param path a segment, the folder of segments, or that of the session.
 * @throws {InvalidOptionError} when there is no recording. */
export async function recordingHost(path: string): Promise<InspectorHost> {
  const chunks: Uint8Array[] = [];
  const reader = new RecordingReader();
  let bytes = 0;
  for await (const chunk of bytesOf(path)) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new InvalidOptionError(`${quoted(path)} is larger than any recording.`);
    chunks.push(chunk);
    reader.append(chunk);
  }
  const { sessionId, pipeline, from, to, series } = reader.summary();
  if (sessionId === '') throw new InvalidOptionError(`${quoted(path)} holds no recording.`);
  const state = reader.frameAt(reader.length - 1).actors[EXECUTOR]?.state;
  const { rowsIn = 0, rowsOut = 0 } = series.at(-1) ?? {};
  const facts = { startedAt: from, savedAt: to, rowsIn, rowsOut, live: false, recorded: true };
  const session = { id: sessionId, pipeline, state: typeof state === 'string' ? state : '?', ...facts };
  return {
    sessions: async () => [session],
    async open() {
      return { chunks: iterated(chunks), close() {} };
    },
    command: async () => ({ ok: false, message: 'A recording only shows what was.' }),
    checkpoint: async () => null,
  };
}

async function* iterated(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  if (!(await stat(path)).isDirectory()) {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
    return;
  }
  const whole = join(path, '.');
  const directory = basename(whole) === 'recording' ? dirname(whole) : whole;
  yield* recordingFeed({ fileSystem: nodeFileSystem, directory, pause: async () => false });
}
