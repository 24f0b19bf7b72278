/** `fork <session> --from <batch> [file]`: the rest of a stored run again, into a new session and a new file; then what differs. */
import { resolve } from 'node:path';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { PipelineFileError } from '../../errors.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { diffFork, diffText } from '../../history/diff/diff-sessions.js';
import { forkSession } from '../../history/fork/fork-session.js';
import { openRecording } from '../../history/open-recording.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { findSession } from '../../sessions/find-session.js';
import { programName } from '../../sessions/invocation.js';
import { COMPLETED } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { stopsBeforeSession } from '../stops-before-session.js';
import { placesOf, type RunCommandOptions, workersOf } from './run.js';

export interface ForkCommandOptions extends Omit<RunCommandOptions, 'checkpointInterval'> {
  readonly from: number;
  readonly to?: string;
  readonly key?: string;
}

/** @param givenFile undefined: the file that the session was begun from. @returns the exit code. */
export async function fork(
  given: string,
  givenFile: string | undefined,
  options: ForkCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, from, to, key, json, quiet, verbose, record, viewer } = options;
  const stops = stopsBeforeSession(terminal, verbose);
  if (json) terminal.reserveForJson();
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, given);
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const wanted = givenFile ?? checkpoint.pipelineFile;
  if (wanted === undefined)
    throw new PipelineFileError(
      `Session ${sessionId} was not begun from a pipeline file. Say which one it is: ${programName()} fork ${sessionId} --from ${from} FILE`,
    );
  const { file, pipeline } = await loadPipelineFile(wanted);
  const workers = workersOf(options.threads, file);
  const isRecorded = await stateManager.storage.isRecorded?.(sessionId);
  const forked = await forkSession({
    ...{ stateManager, fileSystem: nodeFileSystem, sessionId, pipeline, from, key },
    to: to === undefined ? undefined : resolve(to),
    recording: isRecorded === true ? await openRecording({ session: sessionId, stateDir }) : undefined,
  });
  const where =
    forked.from === from
      ? `batch ${from}`
      : `batch ${forked.from}, the last committed point that is known before batch ${from}`;
  const code = await runSession({
    ...{ terminal, stops, stateManager, stateDir, json, quiet, verbose, record, viewer },
    ...{ sessionId: forked.sessionId, name: checkpoint.pipeline },
    places: placesOf({ ...pipeline, ...forked.pipeline, options: forked.pipeline.options ?? {} }),
    notices: [`It begins at ${where} of session ${sessionId}.`],
    executor: (logger) =>
      new PipelineExecutor(pipeline.stages, stateManager, [], { logger, pipelineFile: file, ...workers }),
    start: (executor) => executor.resume(forked.sessionId, forked.pipeline, { force: true }),
  });
  if (code !== COMPLETED) return code;
  const ended = await stateManager.loadCheckpoint(forked.sessionId);
  const found = await diffFork(nodeFileSystem, forked, ended.checkpoint, { key });
  const compared = { type: 'fork.compared', sessionId: forked.sessionId, with: sessionId, ...found };
  if (json) terminal.write(`${JSON.stringify(compared)}\n`);
  for (const line of diffText(found).split('\n')) terminal.printResult(line);
  return code;
}
