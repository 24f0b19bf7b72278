/** A folder of recorded runs as a test: one result each. */
import { basename, join, relative } from 'node:path';
import { RecordingError } from '../errors.js';
import type { ReplayResult } from '../history/replay/replay.js';
import { absolutePath } from '../platform/file-problems.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { codeOf, messageOf } from '../platform/thrown.js';
import { type Replayable, replay } from './replay.js';

/** The replay of one recording of a folder. */
export interface ReplayedRecording {
  /** Path of the recording, relative to the folder. */
  readonly path: string;
  /** Everything that could be checked is the same. */
  readonly ok: boolean;
  /** In one line, or with the first step that differs, or why the recording cannot be read. */
  readonly text: string;
  /** Undefined: the recording cannot be read. */
  readonly result?: ReplayResult;
}

/** Replays every recording in a folder, and in the folders below it: files `*.recording.jsonl`, other JSON Lines files that hold a
 * recording, and recorded sessions. One that differs, or is damaged, does not end the others.
 * @param pipeline a pipeline, or its stages in order, for all of them.
 * @param folder path or `file:` URL; a state directory, for example.
 * @returns one result for each, in order of their paths.
 * @throws {RecordingError} when there is no recording.
 * @example
 * for (const { path, ok, text } of await replayAll(reviews, 'fixtures')) assert.ok(ok, `${path}: ${text}`); */
export async function replayAll(pipeline: Replayable, folder: string | URL): Promise<ReplayedRecording[]> {
  const root = absolutePath(folder, 'folder of recordings');
  const results: ReplayedRecording[] = [];
  for (const { path, isNamed } of await placesIn(root)) {
    const name = relative(root, path) || basename(path);
    try {
      const result = await replay(pipeline, path);
      results.push({ path: name, ok: result.ok, text: result.text, result });
    } catch (error) {
      // Another JSON Lines file: a run's output, for example.
      if (!isNamed && codeOf(error) === 'RECORDING') continue;
      results.push({ path: name, ok: false, text: messageOf(error) });
    }
  }
  if (results.length > 0) return results;
  throw new RecordingError(
    `${root} holds no recording. Record a run with run({ record: true }), or with --record on the command line.`,
  );
}

interface Place {
  readonly path: string;
  /** It is a recording by its name: damaged, it is reported. */
  readonly isNamed: boolean;
}

async function placesIn(folder: string): Promise<Place[]> {
  if (basename(folder) === 'recording') return [{ path: folder, isNamed: true }];
  const places: Place[] = [];
  for (const name of [...(await nodeFileSystem.list(folder))].sort()) {
    const path = join(folder, name);
    const kind = (await nodeFileSystem.stat(path))?.kind;
    if (kind === 'directory') places.push(...(await placesIn(path)));
    else if (kind === 'file' && name.endsWith('.jsonl'))
      places.push({ path, isNamed: name.endsWith('.recording.jsonl') });
  }
  return places;
}
