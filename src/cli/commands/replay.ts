/** `replay <recording> <file>`: a recorded run through today's machines; no stage is called. */
import { stat } from 'node:fs/promises';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { RecordingError } from '../../errors.js';
import { openRecording, type RecordingPlace } from '../../history/open-recording.js';
import { replayRecording } from '../../history/replay/replay.js';
import { findSession } from '../../sessions/find-session.js';
import { COMPLETED, DIFFERENT } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';

/** @param given a recording's file or folder, or a session. @returns the exit code. */
export async function replay(
  given: string,
  file: string,
  { stateDir, json }: { readonly stateDir: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const place = await placeOf(given, stateDir);
  const { pipeline } = await loadPipelineFile(file);
  const { text, ...result } = replayRecording(pipeline.stages, await openRecording(place));
  if (json) terminal.write(`${JSON.stringify(result)}\n`);
  else for (const line of text.split('\n')) terminal.printResult(line);
  return result.ok ? COMPLETED : DIFFERENT;
}

async function placeOf(given: string, stateDir: string): Promise<RecordingPlace> {
  const isThere = await stat(given).then(
    () => true,
    () => false,
  );
  if (isThere) return given;
  if (/[/\\]|\.jsonl$/.test(given)) throw new RecordingError(`There is no recording ${given}.`);
  return { session: await findSession(new StateManager(lowdbStorage(stateDir)), given), stateDir };
}
