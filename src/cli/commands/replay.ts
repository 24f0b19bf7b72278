/** `replay <recording> <file>`: replays a recorded run in the current machines. No stage is called. */
import { openRecording } from '../../history/open-recording.js';
import { replayRecording } from '../../history/replay/replay.js';
import { COMPLETED, DIFFERENT } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { recordingPlaceOf } from '../recording-argument.js';

/** @param given a recording's file or folder, or a session. @returns the exit code. */
export async function replay(
  given: string,
  file: string,
  { stateDir, json }: { readonly stateDir: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const place = await recordingPlaceOf(given, stateDir);
  const { pipeline } = await loadPipelineFile(file);
  const { text, ...result } = replayRecording(pipeline.stages, await openRecording(place));
  if (json) terminal.write(`${JSON.stringify(result)}\n`);
  else for (const line of text.split('\n')) terminal.printResult(line);
  return result.ok ? COMPLETED : DIFFERENT;
}
